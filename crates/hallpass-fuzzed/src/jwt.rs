//! When a token that may be a JWT says that it ends.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass_core::{Credential, Error};
use hallpass_oauth2::{Profile, TokenRequest};
use serde_json::Value;

use crate::offline::{Offline, SECRET, check_credential, check_error, fetch};

/// A token as it is, and the payload of one.
pub fn jwt(bytes: &[u8]) {
    if let Err(error) = outcome(bytes) {
        check_error(&error, bytes, &[SECRET]);
    }
    let token = format!("eyJ9.{}.c2ln", URL_SAFE_NO_PAD.encode(bytes));
    let before = SystemTime::now();
    match outcome(token.as_bytes()) {
        Ok(credential) => {
            check_credential(&credential, token.as_bytes());
            if let Some(most) = longest(bytes, before) {
                let lifetime = credential.lifetime().unwrap_or_default();
                assert!(lifetime <= most, "{lifetime:?} instead of {most:?}");
                let end = credential.expiry().unwrap_or(UNIX_EPOCH);
                assert!(
                    end <= before + most,
                    "{end:?} instead of {most:?} from {before:?}"
                );
            }
        }
        Err(error) => check_error(&error, token.as_bytes(), &[SECRET]),
    }
}

fn outcome(token: &[u8]) -> Result<Credential, Error> {
    let profile = Profile::from_toml(
        "token_url = \"https://auth.example.com/token\"\nanswer = \"text\"\n\
         lenient_token = true\nexpiry = [\"jwt\"]\n",
    )?;
    let request: TokenRequest = profile.client("my-client", SECRET);
    fetch(&request.build(Offline::ok(token))?)
}

/// How long a token with this payload lives at most, by another parser of JSON. None where that can't
/// tell.
fn longest(payload: &[u8], now: SystemTime) -> Option<Duration> {
    let text = std::str::from_utf8(payload).ok()?;
    // Of members that come twice, each parser may take another.
    if text.matches("exp").count() != 1 || text.contains('\\') {
        return None;
    }
    let Value::Object(claims) = serde_json::from_str(text).ok()? else {
        return None;
    };
    let end = Duration::from_secs(claims.get("exp")?.as_u64()?);
    let now = now.duration_since(UNIX_EPOCH).ok()?;
    Some(end.saturating_sub(now))
}
