//! `Retry-After` (RFC 9110 §10.2.3).

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header::RETRY_AFTER};

/// The longest `Retry-After` that is believed: an hour, so that a mistaken or hostile one does not
/// silence a client for good.
pub(crate) const CAP: Duration = Duration::from_secs(3600);

/// How long a server asks to wait: seconds or any of the three HTTP date forms.
///
/// A date that has passed is zero, more than an hour is an hour, anything else is no answer.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};
///
/// let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("120"))]);
/// let wait = hallpass_core::retry_after(&headers, SystemTime::now());
/// assert_eq!(wait, Some(Duration::from_secs(120)));
/// ```
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit can only mean "very long".
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(CAP));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default().min(CAP))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::HeaderValue;

    use super::*;

    fn parse(text: &'static str, now: u64) -> Option<u64> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
        retry_after(&headers, UNIX_EPOCH + Duration::from_secs(now)).map(|wait| wait.as_secs())
    }

    #[test]
    fn reads_seconds_and_all_three_dates() {
        let noon = 784_111_777;
        for (text, now, wait) in [
            ("120", 0, Some(120)),
            (" 120 ", 0, Some(120)),
            ("0", 0, Some(0)),
            ("99999999999999999999", 0, Some(3600)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", noon - 30, Some(30)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", noon - 30, Some(30)),
            ("Sun Nov  6 08:49:37 1994", noon - 30, Some(30)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", noon + 30, Some(0)),
            ("-1", 0, None),
            ("1.5", 0, None),
            ("soon", 0, None),
            ("", 0, None),
        ] {
            assert_eq!(parse(text, now), wait, "{text:?}");
        }
    }
}
