//! Clock readings and durations as vendors write them down.

use std::time::{Duration, SystemTime};

const DAY: i64 = 24 * 3600;

/// Seconds since the Unix epoch for an RFC 3339 date and time. Without an offset it is taken for
/// UTC; a fraction is dropped.
pub(crate) fn read_rfc3339(text: &str) -> Option<u64> {
    let text = text.trim();
    if !text.is_ascii() || text.len() > 64 {
        return None;
    }
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, offset) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, "Z"),
    };
    let [hour, minute, second] =
        numbers(time.split_once('.').map_or(time, |(whole, _)| whole), ':')?;
    let fits = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second)
        && (0..=9999).contains(&year);
    let at = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - shift(offset)?;
    fits.then(|| u64::try_from(at).ok()).flatten()
}

/// Now, in UTC, to the second.
pub(crate) fn rfc3339(now: SystemTime) -> String {
    let seconds = i64::try_from(unix(now).as_secs()).unwrap_or(i64::MAX);
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let time = seconds.rem_euclid(DAY);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        time / 3600,
        time / 60 % 60,
        time % 60
    )
}

pub(super) fn unix(now: SystemTime) -> Duration {
    now.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

/// `177:05:38`: hours, minutes, seconds.
pub(crate) fn hours_minutes_seconds(text: &str) -> Option<u64> {
    let [hours, minutes, seconds] = numbers(text.trim(), ':')?;
    u64::try_from(hours * 3600 + minutes * 60 + seconds).ok()
}

/// `12:03:45`: days, hours, minutes.
pub(crate) fn days_hours_minutes(text: &str) -> Option<u64> {
    let [days, hours, minutes] = numbers(text.trim(), ':')?;
    u64::try_from(days * DAY + hours * 3600 + minutes * 60).ok()
}

/// Three numbers of at most nine digits, so that no sum of them overflows.
fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let mut parts = text.split(between).map(|part| {
        let digits =
            (1..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<i64>().ok()).flatten()
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

/// An offset in seconds: `Z`, `+02:00` or `+0200`.
fn shift(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text.get(1..)?.chars().filter(|char| *char != ':').collect();
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    Some(sign * (number / 100 * 3600 + number % 100 * 60))
}

/// Days since the epoch. Years begin in March here, so that the leap day is the last of one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let in_era = year.rem_euclid(400);
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719_468
}

/// The other way round.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let in_era = days.rem_euclid(146_097);
    let year = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * in_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let carry = i64::from(month <= 2);
    (
        era * 400 + year + carry,
        month,
        in_year - (153 * shifted + 2) / 5 + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1994-11-06T08:49:37Z", Some(784_111_777)),
            ("1994-11-06T09:49:37+01:00", Some(784_111_777)),
            ("1994-11-06T03:19:37-0530", Some(784_111_777)),
            ("1994-11-06 08:49:37", Some(784_111_777)),
            ("1994-11-06T08:49:37.123456Z", Some(784_111_777)),
            ("2024-02-29T12:00:00Z", Some(1_709_208_000)),
            ("1969-12-31T23:59:59Z", None),
            ("2024-13-01T00:00:00Z", None),
            ("2024-01-01", None),
            ("2024-01-01T00:00Z", None),
            ("2024-01-01T00:00:00+1", None),
            ("99999999999-01-01T00:00:00Z", None),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(read_rfc3339(text), expected, "{text}");
        }
    }

    #[test]
    fn dates_are_written() {
        for at in [0, 784_111_777, 951_782_400, 1_709_208_000, 4_102_444_799] {
            let text = rfc3339(SystemTime::UNIX_EPOCH + Duration::from_secs(at));
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
    }
}
