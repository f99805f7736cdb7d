//! Assertions that clients authenticate with (RFC 7523 §2.2).

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::Value;

use crate::client::Client;

/// Whether an assertion is this client's and still good. With `signed` its secret has to have signed
/// it; the server has no public keys, and takes the signature of any other for what it claims to be.
pub(super) fn asserted(assertion: &str, client: &Client, signed: bool) -> bool {
    let Some((signed_part, signature)) = assertion.rsplit_once('.') else {
        return false;
    };
    let Some((_, claims)) = signed_part.split_once('.') else {
        return false;
    };
    let claims = URL_SAFE_NO_PAD.decode(claims).ok();
    let Some(claims) = claims.and_then(|claims| serde_json::from_slice::<Value>(&claims).ok())
    else {
        return false;
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    let is_own = claims["iss"] == *client.id && claims["sub"] == *client.id;
    let lives = claims["exp"].as_u64().is_some_and(|exp| exp > now);
    let is_signed = || {
        let key = hmac::Key::new(hmac::HMAC_SHA256, client.secret.as_bytes());
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        hmac::verify(&key, signed_part.as_bytes(), &signature).is_ok()
    };
    is_own && lives && claims["aud"].is_string() && (!signed || is_signed())
}
