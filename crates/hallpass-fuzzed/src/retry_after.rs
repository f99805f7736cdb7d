//! `Retry-After`: an hour at most, and seconds are read again as they were written.

use std::time::{Duration, UNIX_EPOCH};

use hallpass_core::retry_after as read;
use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};

const HOUR: Duration = Duration::from_secs(3600);

/// The value of `Retry-After`.
pub fn retry_after(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else {
        return;
    };
    // As in RFC 9110's own examples.
    let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
    let of = |value: HeaderValue| read(&HeaderMap::from_iter([(RETRY_AFTER, value)]), now);
    let wait = of(value.clone());
    assert!(wait.is_none_or(|wait| wait <= HOUR));
    if let Some(wait) = wait {
        let again = of(HeaderValue::from(wait.as_secs()));
        assert_eq!(again, Some(wait));
    }
    let text = value.to_str().unwrap_or_default().trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = text.parse().unwrap_or(u64::MAX);
        assert_eq!(wait, Some(Duration::from_secs(seconds).min(HOUR)));
    }
}
