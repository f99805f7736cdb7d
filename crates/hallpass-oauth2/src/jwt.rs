//! What a token says of itself that happens to be a JWT: when it ends, and what it is bound to. A
//! hint, never an error, and never a check: the token is the server's business.

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::body::peek;

/// The longest payload that is looked into.
const PAYLOAD_LIMIT: usize = 64 * 1024;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// When a token says that it begins and ends, in seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) exp: u64,
    pub(crate) iat: Option<u64>,
}

/// Seconds since the Unix epoch at which the token says that it ends.
pub(crate) fn expiry(token: &str) -> Option<u64> {
    times(token).map(|times| times.exp)
}

/// The times in a token that can be read as a JWT and says when it ends.
pub(crate) fn times(token: &str) -> Option<Times> {
    let decoded = decoded(token)?;
    let claim = |name| seconds(&peek(&decoded, name)?);
    Some(Times {
        exp: claim("exp")?,
        iat: claim("iat"),
    })
}

/// The thumbprint of the certificate that the token says to be bound to (RFC 8705 §3.1).
pub(crate) fn certificate_thumbprint(token: &str) -> Option<String> {
    let confirmation = peek(&decoded(token)?, "cnf")?;
    Some(confirmation.get("x5t#S256")?.as_str()?.to_owned())
}

fn decoded(token: &str) -> Option<Zeroizing<Vec<u8>>> {
    let payload = payload(token)?;
    if payload.len() > PAYLOAD_LIMIT {
        return None;
    }
    LENIENT.decode(payload).ok().map(Zeroizing::new)
}

fn seconds(claim: &Value) -> Option<u64> {
    let number = claim.as_number()?;
    number.as_u64().or_else(|| {
        // Saturates: a later cap decides how long is too long.
        number
            .as_f64()
            .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
            .map(|seconds| seconds as u64)
    })
}

/// The middle of exactly three parts, found in one pass that stops at the third dot.
fn payload(token: &str) -> Option<&str> {
    let (_, rest) = token.split_once('.')?;
    let (payload, signature) = rest.split_once('.')?;
    (!signature.contains('.')).then_some(payload)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn of(payload: &str) -> Option<u64> {
        expiry(&format!("eyJ9.{}.sig", URL_SAFE_NO_PAD.encode(payload)))
    }

    #[test]
    fn reads_only_a_number() {
        for (payload, expected) in [
            (r#"{"exp":1893456000}"#, Some(1_893_456_000)),
            (r#"{"exp":1893456000.5}"#, Some(1_893_456_000)),
            (
                r#"{"iss":"x","exp":1893456000,"n":[1,{"a":null}]}"#,
                Some(1_893_456_000),
            ),
            (r#"{"exp":1893456000000}"#, Some(1_893_456_000_000)),
            (r#"{"exp":"1893456000"}"#, None),
            (r#"{"exp":1e400}"#, None),
            (r#"{"exp":-1}"#, None),
            (r#"{"exp":1e30}"#, Some(u64::MAX)),
            (r#"{"exp":18934560000000000000}"#, Some(u64::MAX)),
            (r#"{"exp":null}"#, None),
            (r#"{"exp":true}"#, None),
            (r#"{"exp":[1]}"#, None),
            (r#"{"exp":{"v":1}}"#, None),
            ("{}", None),
            ("[1]", None),
            ("", None),
            ("not json", None),
        ] {
            assert_eq!(of(payload), expected, "{payload}");
        }
    }

    #[test]
    fn reads_the_printed_segments() {
        for (segment, expected) in [
            ("eyJleHAiOjE4OTM0NTYwMDB9", Some(1_893_456_000)),
            ("eyJleHAiOjE4OTM0NTYwMDAuNX0", Some(1_893_456_000)),
            ("eyJleHAiOiIxODkzNDU2MDAwIn0", None),
            ("eyJleHAiOjFlNDAwfQ", None),
            ("WzFd", None),
        ] {
            assert_eq!(expiry(&format!("h.{segment}.s")), expected, "{segment}");
        }
    }

    #[test]
    fn only_three_parts_are_a_jwt() {
        let payload = "eyJleHAiOjE4OTM0NTYwMDB9";
        for token in [
            payload.to_owned(),
            format!("h.{payload}"),
            format!("h.{payload}.s.t"),
            format!("h.{payload}.iv.text.tag"),
            ".".repeat(1024 * 1024),
            String::new(),
        ] {
            assert_eq!(expiry(&token), None);
        }
    }

    #[test]
    fn hostile_payloads_do_no_harm() {
        for (name, expected) in [("a", Some(1)), ("exp", None)] {
            let [open, close] = ["[", "]"].map(|bracket| bracket.repeat(20_000));
            let deep = format!(r#"{{"{name}":{open}{close},"exp":1}}"#);
            assert_eq!(of(&deep), expected, "{name}");
        }
        let long = format!(r#"{{"a":"{}","exp":1}}"#, "x".repeat(PAYLOAD_LIMIT));
        assert_eq!(of(&long), None);
    }
}
