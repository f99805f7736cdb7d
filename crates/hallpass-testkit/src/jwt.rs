//! Tokens that look like JWTs. Nobody checks the signature: the API knows its tokens by heart.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

pub(crate) fn make(
    issuer: &str,
    client: &str,
    scope: Option<&str>,
    serial: u64,
    exp: Option<Duration>,
    noise: &[u8],
) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "testkit"});
    let mut claims = json!({
        "iss": issuer,
        "sub": client,
        "client_id": client,
        "iat": now.as_secs(),
        "jti": serial.to_string(),
    });
    if let Some(exp) = exp {
        claims["exp"] = json!((now + exp).as_secs());
    }
    if let Some(scope) = scope {
        claims["scope"] = json!(scope);
    }
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(noise))
}
