//! Clock readings and durations as vendors write them down.

use std::time::{Duration, SystemTime};

use jiff::{
    SignedDuration, Span, SpanRelativeTo, Timestamp,
    civil::{Date, DateTime},
    tz::Offset,
};

/// An RFC 3339 date and time. Without an offset it is taken for UTC.
pub(crate) fn read_rfc3339(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    // The library reads more than RFC 3339: hours without minutes, names of time zones.
    let bytes = text.as_bytes();
    let separators = [(4, "-"), (7, "-"), (10, "Tt "), (13, ":"), (16, ":")];
    let shaped = separators.iter().all(|(at, allowed)| {
        let byte = bytes.get(*at);
        byte.is_some_and(|byte| allowed.as_bytes().contains(byte))
    });
    if !shaped || text.contains('[') {
        return None;
    }
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| in_utc(text.parse().ok()?))
        .and_then(|at| at.try_into().ok())
}

/// A date without a time, `2027-01-31`: the day's first moment in UTC.
pub(crate) fn read_date(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    let shaped = text.len() == "2027-01-31".len();
    let date: Date = shaped.then(|| text.parse().ok()).flatten()?;
    in_utc(date.into())?.try_into().ok()
}

/// A date as HTTP writes it, such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 1123).
pub(crate) fn read_http_date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text.trim()).ok()
}

/// `M/D/YYYY h:mm:ss AM`, in UTC.
pub(crate) fn read_us_date_time(text: &str) -> Option<SystemTime> {
    let at = DateTime::strptime("%m/%d/%Y %I:%M:%S %p", text.trim()).ok()?;
    in_utc(at)?.try_into().ok()
}

/// An ISO 8601 duration such as `PT1H30M` or `P1D`. A month has no fixed length and is refused.
pub(crate) fn read_iso_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let span: Span = text.starts_with(['P', 'p']).then(|| text.parse().ok())??;
    let long: SignedDuration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(long).ok()
}

/// Now, in UTC, to the second.
pub(crate) fn rfc3339(now: SystemTime) -> String {
    let seconds = unix(now).as_secs();
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

pub(super) fn unix(now: SystemTime) -> Duration {
    now.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

/// `177:05:38`: hours, minutes, seconds.
pub(crate) fn hours_minutes_seconds(text: &str) -> Option<u64> {
    let [hours, minutes, seconds] = numbers(text)?;
    Some(hours * 3600 + minutes * 60 + seconds)
}

/// `12:03:45`: days, hours, minutes.
pub(crate) fn days_hours_minutes(text: &str) -> Option<u64> {
    let [days, hours, minutes] = numbers(text)?;
    Some(days * 24 * 3600 + hours * 3600 + minutes * 60)
}

fn in_utc(at: DateTime) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(at).ok()
}

/// Three numbers of at most nine digits, so that no sum of them overflows.
fn numbers(text: &str) -> Option<[u64; 3]> {
    let mut parts = text.trim().split(':').map(|part| {
        let digits =
            (1..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<u64>().ok()).flatten()
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(at: Option<SystemTime>) -> Option<i64> {
        at.map(|at| Timestamp::try_from(at).unwrap().as_second())
    }

    #[test]
    fn dates_and_times_are_read_strictly() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1994-11-06T08:49:37Z", Some(784_111_777)),
            ("1994-11-06t08:49:37z", Some(784_111_777)),
            ("1994-11-06T09:49:37+01:00", Some(784_111_777)),
            ("1994-11-06T03:19:37-0530", Some(784_111_777)),
            ("1994-11-06 08:49:37", Some(784_111_777)),
            ("1994-11-06T08:49:37.123456Z", Some(784_111_777)),
            ("2024-02-29T12:00:00Z", Some(1_709_208_000)),
            ("1969-12-31T23:59:59Z", Some(-1)),
            ("0001-01-01T00:00:00Z", Some(-62_135_596_800)),
            ("2024-02-30T00:00:00Z", None),
            ("2023-02-29T00:00:00Z", None),
            ("2024-04-31T00:00:00Z", None),
            ("2024-13-01T00:00:00Z", None),
            ("2027-1-1T0:0:0Z", None),
            ("2027-01-01T24:00:00Z", None),
            ("2027-01-01T00:00:00+99:99", None),
            ("2027-01-01T00:00:00[Europe/Berlin]", None),
            ("2024-01-01", None),
            ("2024-01-01T00:00Z", None),
            ("2024-01-01T00:00:00+1", None),
            ("99999999999-01-01T00:00:00Z", None),
            ("zzz", None),
            ("", None),
            ("é024-01-01T00:00:00Z", None),
        ] {
            assert_eq!(seconds(read_rfc3339(text)), expected, "{text}");
        }
    }

    #[test]
    fn other_ways_to_write_a_date_are_read() {
        for (text, expected) in [
            ("1994-11-06", Some(784_080_000)),
            ("1969-12-31", Some(-86_400)),
            ("1994-11-31", None),
            ("1994-11-6", None),
            ("19941106", None),
            ("1994-11-06T00:00:00", None),
        ] {
            assert_eq!(seconds(read_date(text)), expected, "{text}");
        }
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Sun, 31 Nov 1994 08:49:37 GMT", None),
            ("soon", None),
        ] {
            assert_eq!(seconds(read_http_date(text)), expected, "{text}");
        }
        for (text, expected) in [
            ("11/6/1994 8:49:37 AM", Some(784_111_777)),
            ("11/06/1994 08:49:37 am", Some(784_111_777)),
            ("11/6/1994 12:00:00 AM", Some(784_080_000)),
            ("11/6/1994 12:00:00 PM", Some(784_123_200)),
            ("11/6/1994 13:00:00 PM", None),
            ("11/31/1994 8:49:37 AM", None),
            ("6.11.1994 8:49:37", None),
        ] {
            assert_eq!(seconds(read_us_date_time(text)), expected, "{text}");
        }
    }

    #[test]
    fn dates_are_written() {
        for at in [0, 784_111_777, 951_782_400, 1_709_208_000, 4_102_444_799] {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
            let text = rfc3339(at);
            assert_eq!(read_rfc3339(&text), Some(at), "{text}");
        }
        let text = rfc3339(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777));
        assert_eq!(text, "1994-11-06T08:49:37Z");
    }

    #[test]
    fn durations_are_read() {
        for (text, expected) in [
            ("177:05:38", Some(637_538)),
            ("00:00:10", Some(10)),
            ("1:2", None),
            ("1:2:3:4", None),
            ("-1:00:00", None),
            ("9999999999:00:00", None),
            ("", None),
        ] {
            assert_eq!(hours_minutes_seconds(text), expected, "{text}");
        }
        assert_eq!(days_hours_minutes("2:03:04"), Some(183_840));
        for (text, expected) in [
            ("PT3600S", Some(3600)),
            ("PT1H30M", Some(5400)),
            ("P1DT12H", Some(129_600)),
            ("pt0.5h", Some(1800)),
            ("P1M", None),
            ("-PT1H", None),
            ("1 hour", None),
            ("P", None),
        ] {
            let expected = expected.map(Duration::from_secs);
            assert_eq!(read_iso_duration(text), expected, "{text}");
        }
    }
}
