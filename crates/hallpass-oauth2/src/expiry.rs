//! How long a token is good for, out of what the answer says.

use std::time::{Duration, SystemTime};

use http::{
    HeaderMap,
    header::{AGE, DATE},
};
use serde_json::Value;

use crate::{body::TokenResponse, calendar, json_path::Path, jwt};

/// A part of the answer that may say how long the token is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expiry {
    /// The member `expires_in`: seconds as a number, a numeric string, or with a fraction.
    ExpiresIn,
    /// The claim `exp`, if the token can be read as a JWT. It is a hint: nothing is verified, and
    /// a token that can't be read is no error.
    Jwt,
    /// A member of the answer's JSON.
    Member {
        /// Where it stands: `data.expire`, or a JSON pointer.
        path: String,
        /// What it counts.
        unit: Unit,
    },
}

/// What a number or text that speaks of an end means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Unit {
    /// Seconds from now, as a number or a numeric string.
    #[default]
    Seconds,
    /// Milliseconds from now.
    Milliseconds,
    /// Seconds since the Unix epoch.
    Unix,
    /// Milliseconds since the Unix epoch.
    UnixMs,
    /// A date and time after RFC 3339.
    Rfc3339,
    /// From now: `177:05:38`.
    HoursMinutesSeconds,
    /// From now: `12:03:45`.
    DaysHoursMinutes,
    /// Minutes from now.
    Minutes,
    /// A date without a time, `2027-01-31`: the end is that day's first moment in UTC.
    Date,
    /// A date as HTTP writes it (RFC 1123): `Sun, 06 Nov 1994 08:49:37 GMT`.
    HttpDate,
    /// `M/D/YYYY h:mm:ss AM`, in UTC.
    UsDateTime,
    /// An ISO 8601 duration from now: `PT1H`.
    IsoDuration,
}

impl Expiry {
    pub(crate) const NAMES: &[(&'static str, Self)] =
        &[("expires_in", Self::ExpiresIn), ("jwt", Self::Jwt)];

    /// The member at the top of the answer that it looks into.
    pub(crate) fn top(&self) -> Option<String> {
        match self {
            Self::ExpiresIn | Self::Jwt => None,
            Self::Member { path, .. } => Some(Path::parse(path).top().to_owned()),
        }
    }
}

impl Unit {
    pub(crate) const NAMES: &[(&'static str, Self)] = &[
        ("s", Self::Seconds),
        ("ms", Self::Milliseconds),
        ("unix", Self::Unix),
        ("unix-ms", Self::UnixMs),
        ("rfc3339", Self::Rfc3339),
        ("h:m:s", Self::HoursMinutesSeconds),
        ("d:h:m", Self::DaysHoursMinutes),
        ("min", Self::Minutes),
        ("date", Self::Date),
        ("http-date", Self::HttpDate),
        ("m/d/y", Self::UsDateTime),
        ("iso-duration", Self::IsoDuration),
    ];

    /// What `value` says in this unit, seen from `now`; none if it can't be read.
    fn lifetime(self, value: &Value, now: SystemTime) -> Option<Duration> {
        let number = || Stated::read(Some(value))?.number();
        let text = || value.as_str();
        Some(match self {
            Self::Seconds => from_now(number()?, now),
            Self::Milliseconds => Duration::from_millis(number()?),
            Self::Minutes => Duration::from_secs(number()?.saturating_mul(60)),
            Self::Unix => until(number()?, now),
            Self::UnixMs => until(number()? / 1000, now),
            Self::Rfc3339 => left(calendar::read_rfc3339(text()?)?, now),
            Self::Date => left(calendar::read_date(text()?)?, now),
            Self::HttpDate => left(calendar::read_http_date(text()?)?, now),
            Self::UsDateTime => left(calendar::read_us_date_time(text()?)?, now),
            Self::IsoDuration => calendar::read_iso_duration(text()?)?,
            Self::HoursMinutesSeconds => {
                Duration::from_secs(calendar::hours_minutes_seconds(text()?)?)
            }
            Self::DaysHoursMinutes => Duration::from_secs(calendar::days_hours_minutes(text()?)?),
        })
    }
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

    fn number(self) -> Option<u64> {
        match self {
            Self::Seconds(number) => Some(number),
            Self::Negative => Some(0),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

/// What one fetch has to judge by.
pub(crate) struct Evidence<'a> {
    pub(crate) stated: Stated,
    /// None where the whole body is the token.
    pub(crate) members: Option<&'a TokenResponse>,
    pub(crate) token: &'a str,
    /// What may be the time, the server's own first.
    pub(crate) clocks: Vec<SystemTime>,
    /// For events.
    pub(crate) name: &'a str,
}

/// The earliest end that any of `sources` names, else `default`.
///
/// An instant that has passed by every clock is no evidence beside a duration: the token was issued
/// just now, so it is the clocks that are wrong.
pub(crate) fn lifetime(
    sources: &[Expiry],
    evidence: &Evidence<'_>,
    default: Option<Duration>,
) -> Option<Duration> {
    let said = |source: &Expiry| match source {
        Expiry::ExpiresIn => {
            let stated = evidence.stated.number()?;
            shortest(evidence.clocks.iter().map(|now| from_now(stated, *now)))
        }
        Expiry::Jwt => of_jwt(evidence),
        Expiry::Member { path, unit } => member(path, *unit, evidence),
    };
    let said: Vec<Duration> = sources.iter().filter_map(said).collect();
    let stated_zero = evidence.stated.number() == Some(0);
    let living = said.iter().filter(|life| !life.is_zero()).min();
    match living {
        Some(living) if !stated_zero => Some(*living),
        _ => said.into_iter().min().or(default),
    }
}

/// How long a JWT lives by its own word: never longer than from its beginning to its end.
fn of_jwt(evidence: &Evidence<'_>) -> Option<Duration> {
    let times = jwt::times(evidence.token)?;
    let life = shortest(evidence.clocks.iter().map(|now| until(times.exp, *now)))?;
    Some(match times.iat {
        Some(iat) if times.exp > iat => {
            let whole = Duration::from_secs(times.exp - iat);
            if life.is_zero() {
                whole
            } else {
                life.min(whole)
            }
        }
        _ => life,
    })
}

fn member(path: &str, unit: Unit, evidence: &Evidence<'_>) -> Option<Duration> {
    let found = evidence.members?.at(&Path::parse(path));
    let value = found.filter(|value| !value.is_null())?;
    let clocks = evidence.clocks.iter();
    let lifetime = shortest(clocks.filter_map(|now| unit.lifetime(value, *now)));
    if lifetime.is_none() {
        tracing::warn!(
            target: "hallpass",
            source = evidence.name,
            member = path,
            "a lifetime in the answer can't be read; another one is used"
        );
    }
    lifetime
}

/// What is left by the clock that leaves the least, as long as that is anything: a clock that stands
/// still or lies in the past makes a token live for years, one that is ahead ends it on arrival.
fn shortest(lives: impl Iterator<Item = Duration>) -> Option<Duration> {
    let lives: Vec<Duration> = lives.collect();
    let living = lives.iter().filter(|life| !life.is_zero()).min();
    living.or(lives.first()).copied()
}

/// Seconds from now. No token lives for 31 years: a number that large is an instant in seconds or
/// milliseconds, which some servers put where a duration belongs.
fn from_now(seconds: u64, now: SystemTime) -> Duration {
    match seconds {
        1_000_000_000..1_000_000_000_000 => until(seconds, now),
        1_000_000_000_000..1_000_000_000_000_000 => until(seconds / 1000, now),
        _ => Duration::from_secs(seconds),
    }
}

fn left(end: SystemTime, now: SystemTime) -> Duration {
    end.duration_since(now).unwrap_or_default()
}

fn until(exp: u64, now: SystemTime) -> Duration {
    let now = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Duration::from_secs(exp).saturating_sub(now)
}

/// The clocks by which an instant in an answer may be meant: the server's if it tells it, for the
/// distance between two readings of one clock is right however wrong that clock is, and ours. An
/// answer that was kept on the way says for how long (RFC 9111 §5.1).
pub(crate) fn clocks(headers: &HeaderMap) -> Vec<SystemTime> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let age = text(AGE)
        .and_then(|age| age.trim().parse().ok())
        .unwrap_or(0);
    let date = text(DATE)
        .filter(|date| date.len() < 64)
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .and_then(|date| date.checked_add(Duration::from_secs(age)));
    date.into_iter().chain([SystemTime::now()]).collect()
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

    #[test]
    fn every_unit_is_read_from_numbers_and_texts() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (unit, value, expected) in [
            (Unit::Seconds, json!("7200"), Some(7200.0)),
            (Unit::Milliseconds, json!(86_399_999), Some(86399.999)),
            (Unit::Milliseconds, json!("1500"), Some(1.5)),
            (Unit::Unix, json!(784_111_837), Some(60.0)),
            (Unit::Unix, json!("784111837"), Some(60.0)),
            (Unit::Unix, json!(1), Some(0.0)),
            (Unit::UnixMs, json!("784111837500"), Some(60.0)),
            (Unit::Rfc3339, json!("1994-11-06T08:50:37Z"), Some(60.0)),
            (Unit::HoursMinutesSeconds, json!("00:01:00"), Some(60.0)),
            (Unit::DaysHoursMinutes, json!("0:00:01"), Some(60.0)),
            (Unit::Minutes, json!(1), Some(60.0)),
            (Unit::Date, json!("1994-11-07"), Some(54_623.0)),
            (Unit::Rfc3339, json!("1969-12-31T23:59:59Z"), Some(0.0)),
            (
                Unit::HttpDate,
                json!("Sun, 06 Nov 1994 08:50:37 GMT"),
                Some(60.0),
            ),
            (Unit::UsDateTime, json!("11/6/1994 8:50:37 AM"), Some(60.0)),
            (Unit::IsoDuration, json!("PT1M"), Some(60.0)),
            // An instant where a duration belongs.
            (Unit::Seconds, json!(1_000_000_000), Some(215_888_223.0)),
            (
                Unit::Seconds,
                json!(1_000_000_000_000_u64),
                Some(215_888_223.0),
            ),
            (Unit::Rfc3339, json!(60), None),
            (Unit::Unix, json!("soon"), None),
            (Unit::Seconds, json!({}), None),
        ] {
            let expected = expected.map(Duration::from_secs_f64);
            assert_eq!(unit.lifetime(&value, now), expected, "{unit:?} {value}");
        }
    }
}
