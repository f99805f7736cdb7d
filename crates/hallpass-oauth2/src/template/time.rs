//! [`Time`]: the time of a call, moved and written as a vendor wants it.

use std::time::{Duration, SystemTime};

use jiff::{Timestamp, fmt::strtime};

use crate::calendar::rfc3339;

/// No written time is longer.
pub(super) const LONGEST: usize = 256;

/// `{now}`, `{now_unix}` or `{now_unix_ms}`, perhaps with an offset and a format:
/// `{now(+5m)}`, `{now(-1d, %Y-%m-%d)}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Time {
    offset: Duration,
    earlier: bool,
    format: Format,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Format {
    Unix,
    UnixMs,
    Rfc3339,
    /// As HTTP writes dates (RFC 1123).
    HttpDate,
    /// A pattern with `%Y`, `%m`, `%d`, `%H`, `%M`, `%S`, `%3f` for milliseconds and `%s`.
    Pattern(String),
}

impl Time {
    /// None if the name is no time's; `Err` if its arguments can't be read.
    pub(super) fn named(name: &str, arguments: Option<&str>) -> Option<Result<Self, ()>> {
        let format = match name {
            "now" => Format::Rfc3339,
            "now_unix" => Format::Unix,
            "now_unix_ms" => Format::UnixMs,
            _ => return None,
        };
        let mut time = Self {
            offset: Duration::ZERO,
            earlier: false,
            format,
        };
        Some(match arguments {
            None => Ok(time),
            Some(arguments) => time.read(arguments).map(|()| time),
        })
    }

    fn read(&mut self, arguments: &str) -> Result<(), ()> {
        let (first, second) = match arguments.split_once(',') {
            Some((first, second)) => (first.trim(), Some(second.trim())),
            None => (arguments.trim(), None),
        };
        let format = if first.starts_with(['+', '-']) {
            self.earlier = first.starts_with('-');
            self.offset = offset(&first[1..]).ok_or(())?;
            second
        } else if second.is_some() {
            return Err(());
        } else {
            Some(first)
        };
        match format {
            None => Ok(()),
            // The other two names say already how they are written.
            Some(_) if self.format != Format::Rfc3339 => Err(()),
            Some(format) => {
                self.format = Format::named(format).ok_or(())?;
                Ok(())
            }
        }
    }

    pub(super) fn written(&self, now: SystemTime) -> String {
        let at = if self.earlier {
            now.checked_sub(self.offset)
        } else {
            now.checked_add(self.offset)
        };
        let at = at.unwrap_or(now);
        let since = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        match &self.format {
            Format::Unix => since.as_secs().to_string(),
            Format::UnixMs => since.as_millis().to_string(),
            Format::Rfc3339 => rfc3339(at),
            Format::HttpDate => httpdate::fmt_http_date(at),
            Format::Pattern(pattern) => by_pattern(pattern, at),
        }
    }
}

/// What may stand behind a percent sign: what is as long for every time.
const DIRECTIVES: [&str; 9] = ["Y", "m", "d", "H", "M", "S", "3f", "s", "%"];

impl Format {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "unix" => Self::Unix,
            "unix-ms" => Self::UnixMs,
            "rfc3339" => Self::Rfc3339,
            "http-date" => Self::HttpDate,
            "date" => Self::Pattern("%Y-%m-%d".to_owned()),
            pattern if pattern.contains('%') && pattern.len() <= LONGEST / 8 => {
                let mut rest = pattern;
                while let Some((_, tail)) = rest.split_once('%') {
                    rest = DIRECTIVES.iter().find_map(|kind| tail.strip_prefix(kind))?;
                }
                Self::Pattern(pattern.to_owned())
            }
            _ => return None,
        })
    }
}

fn by_pattern(pattern: &str, at: SystemTime) -> String {
    let at = Timestamp::try_from(at).unwrap_or_default();
    strtime::format(pattern, at).unwrap_or_default()
}

/// `30s`, `5m`, `2h` or `1d`; seconds without a unit.
fn offset(text: &str) -> Option<Duration> {
    let (digits, unit) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(digits) => (digits, text.as_bytes()[digits.len()]),
        None => (text, b's'),
    };
    let fits = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = fits.then(|| digits.parse().ok()).flatten()?;
    Some(Duration::from_secs(match unit {
        b'm' => number * 60,
        b'h' => number * 3600,
        b'd' => number * 24 * 3600,
        _ => number,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_moved_and_written() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_042);
        for (name, arguments, expected) in [
            ("now", None, Some("1994-11-06T08:49:37Z")),
            ("now_unix", None, Some("784111777")),
            ("now_unix_ms", None, Some("784111777042")),
            ("now", Some("+5m"), Some("1994-11-06T08:54:37Z")),
            ("now", Some("-1d"), Some("1994-11-05T08:49:37Z")),
            ("now", Some("date"), Some("1994-11-06")),
            ("now", Some("+1h, unix"), Some("784115377")),
            (
                "now",
                Some("http-date"),
                Some("Sun, 06 Nov 1994 08:49:37 GMT"),
            ),
            (
                "now",
                Some("+2h, %Y%m%dT%H%M%S.%3fZ"),
                Some("19941106T104937.042Z"),
            ),
            ("now_unix", Some("+3600"), Some("784115377")),
            ("now", Some("%Q"), None),
            ("now", Some("+5y"), None),
            ("now", Some("date, +5m"), None),
            ("now_unix", Some("+5m, date"), None),
            ("now", Some(""), None),
        ] {
            let time = Time::named(name, arguments).unwrap();
            let written = time.ok().map(|time| time.written(now));
            assert_eq!(written.as_deref(), expected, "{name} {arguments:?}");
        }
        assert_eq!(Time::named("then", None), None);
    }
}
