//! How long a token is good for, out of what the answer says.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header::DATE};
use serde_json::Value;

use crate::jwt;

/// A part of the answer that may say how long the token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expiry {
    /// The member `expires_in`: seconds as a number, a numeric string, or with a fraction.
    ExpiresIn,
    /// The claim `exp`, if the token can be read as a JWT. It is a hint: nothing is verified, and
    /// a token that can't be read is no error.
    Jwt,
}

impl Expiry {
    pub(crate) const NAMES: &[(&'static str, Self)] =
        &[("expires_in", Self::ExpiresIn), ("jwt", Self::Jwt)];
}

/// What the member `expires_in` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stated {
    Nothing,
    Seconds(u64),
    /// Counts as zero.
    Negative,
    /// Neither a number nor a numeric string.
    Unreadable,
}

impl Stated {
    /// None for a number that is too large to be one.
    pub(crate) fn read(value: Option<&Value>) -> Option<Self> {
        Some(match value {
            None | Some(Value::Null) => Self::Nothing,
            Some(Value::Number(number)) => match number.as_u64() {
                Some(seconds) => Self::Seconds(seconds),
                None => Self::float(number.as_f64().filter(|seconds| seconds.is_finite())?),
            },
            Some(Value::String(text)) => Self::text(text.trim()),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => Self::Unreadable,
        })
    }

    fn text(text: &str) -> Self {
        // `parse` takes "inf" and "nan" too.
        let numeric = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        match text.parse::<f64>() {
            Ok(seconds) if numeric && seconds.is_finite() => Self::float(seconds),
            _ => Self::Unreadable,
        }
    }

    fn float(seconds: f64) -> Self {
        if seconds < 0.0 {
            Self::Negative
        } else {
            // Floors, and saturates: the engine caps what is too long.
            Self::Seconds(seconds as u64)
        }
    }

    fn lifetime(self) -> Option<Duration> {
        match self {
            Self::Seconds(seconds) => Some(Duration::from_secs(seconds)),
            Self::Negative => Some(Duration::ZERO),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

/// The earliest end that any of `sources` names, else `default`.
pub(crate) fn lifetime(
    sources: &[Expiry],
    stated: Stated,
    token: &str,
    now: SystemTime,
    default: Option<Duration>,
) -> Option<Duration> {
    sources
        .iter()
        .filter_map(|source| match source {
            Expiry::ExpiresIn => stated.lifetime(),
            Expiry::Jwt => jwt::expiry(token).map(|exp| until(exp, now)),
        })
        .min()
        .or(default)
}

fn until(exp: u64, now: SystemTime) -> Duration {
    let now = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Duration::from_secs(exp).saturating_sub(now)
}

/// The server's clock if it tells it, else ours: `exp` is the server's time, and the distance
/// between two readings of one clock is right however wrong that clock is.
pub(crate) fn server_now(headers: &HeaderMap) -> SystemTime {
    headers
        .get(DATE)
        .and_then(|date| date.to_str().ok())
        .filter(|date| date.len() < 64)
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or_else(SystemTime::now)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn expires_in_is_read_leniently() {
        for (value, expected) in [
            (json!(300), Stated::Seconds(300)),
            (json!("300"), Stated::Seconds(300)),
            (json!(" 300 "), Stated::Seconds(300)),
            (json!(299.5), Stated::Seconds(299)),
            (json!("86400.92"), Stated::Seconds(86400)),
            (json!(3600.0), Stated::Seconds(3600)),
            (json!(0), Stated::Seconds(0)),
            (json!(-1), Stated::Negative),
            (json!("-0.5"), Stated::Negative),
            (json!(null), Stated::Nothing),
            (json!(true), Stated::Unreadable),
            (json!({}), Stated::Unreadable),
            (json!([300]), Stated::Unreadable),
            (json!("zzz"), Stated::Unreadable),
            (json!(""), Stated::Unreadable),
            (json!("inf"), Stated::Unreadable),
            (json!("1e400"), Stated::Unreadable),
            (json!(1e300), Stated::Seconds(u64::MAX)),
        ] {
            assert_eq!(Stated::read(Some(&value)), Some(expected), "{value}");
        }
        assert_eq!(Stated::read(None), Some(Stated::Nothing));
    }
}
