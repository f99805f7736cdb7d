//! Header names and values as a test writes them.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

/// A `Retry-After` value: seconds from a number or a duration, or any text such as a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryAfter(pub(crate) String);

impl From<u64> for RetryAfter {
    fn from(seconds: u64) -> Self {
        Self(seconds.to_string())
    }
}

impl From<Duration> for RetryAfter {
    fn from(wait: Duration) -> Self {
        Self(wait.as_secs().to_string())
    }
}

impl From<&str> for RetryAfter {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

pub(crate) fn header_name(text: &str) -> HeaderName {
    HeaderName::try_from(text).unwrap_or_else(|_| panic!("not a header name: {text:?}"))
}

pub(crate) fn header_value(text: &str) -> HeaderValue {
    HeaderValue::try_from(text)
        .unwrap_or_else(|_| panic!("not a header value ({} bytes)", text.len()))
}

/// What a test wrote as pairs.
pub(crate) fn header_map(pairs: &[(&str, &str)]) -> HeaderMap {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (header_name(name), header_value(value)))
        .fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
}
