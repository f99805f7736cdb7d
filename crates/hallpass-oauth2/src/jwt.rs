//! What a token says of itself that happens to be a JWT: when it ends, and what it is bound to. A
//! hint, never an error, and never a check: the token is the server's business.

use std::fmt;

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{
    Deserialize,
    de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
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
    let claims: Claims = serde_json::from_slice(&decoded(token)?).ok()?;
    Some(Times {
        exp: seconds(&claims.exp?)?,
        iat: claims.iat.as_ref().and_then(seconds),
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

fn seconds(number: &serde_json::Number) -> Option<u64> {
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

struct Claims {
    exp: Option<serde_json::Number>,
    iat: Option<serde_json::Number>,
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Claims;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims, A::Error> {
                let (mut exp, mut iat) = (None, None);
                while let Some(name) = map.next_key::<String>()? {
                    let place = match name.as_str() {
                        "exp" => &mut exp,
                        "iat" => &mut iat,
                        _ => {
                            map.next_value::<Shallow>()?;
                            continue;
                        }
                    };
                    if let Value::Number(number) = map.next_value()? {
                        *place = Some(number);
                    }
                }
                Ok(Claims { exp, iat })
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// Skips a value, but unlike [`IgnoredAny`] keeps to the parser's limit on depth.
struct Shallow;

impl<'de> Deserialize<'de> for Shallow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Shallow {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, Self>()?.is_some() {}
        Ok(self)
    }
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
    fn hostile_payloads_are_no_hint() {
        let deep = format!(
            r#"{{"a":{}{},"exp":1}}"#,
            "[".repeat(2000),
            "]".repeat(2000)
        );
        assert_eq!(of(&deep), None);
        let long = format!(r#"{{"a":"{}","exp":1}}"#, "x".repeat(PAYLOAD_LIMIT));
        assert_eq!(of(&long), None);
    }
}
