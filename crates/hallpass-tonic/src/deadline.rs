//! [`Deadline`]: `grpc-timeout` (gRPC over HTTP/2, "Requests") and what a wait leaves of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hallpass_core::Error;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// A wait shorter than this leaves the header as the caller wrote it.
const GRAIN: Duration = Duration::from_millis(1);

/// The end of a call that has one, shared by its future and what sends it: in the request's
/// extensions, because that way it survives into the replay.
#[derive(Debug)]
pub(crate) struct Deadline {
    limit: Duration,
    pub(crate) at: Instant,
    /// Whether an answer is waited for, and not a credential.
    sending: AtomicBool,
}

impl Deadline {
    pub(crate) fn of(headers: &HeaderMap) -> Option<Arc<Self>> {
        let limit = parse(headers.get(GRPC_TIMEOUT)?)?;
        let at = Instant::now().checked_add(limit)?;
        Some(Arc::new(Self {
            limit,
            at,
            sending: AtomicBool::new(false),
        }))
    }

    /// The request leaves: with what is left, if it waited.
    pub(crate) fn leaves(&self, headers: &mut HeaderMap) {
        self.sending.store(true, Ordering::Release);
        let left = self.at.saturating_duration_since(Instant::now());
        if self.limit.saturating_sub(left) >= GRAIN
            && let Some(value) = write(left.max(GRAIN))
        {
            headers.insert(GRPC_TIMEOUT, value);
        }
    }

    pub(crate) fn answered(&self) {
        self.sending.store(false, Ordering::Release);
    }

    pub(crate) fn error(&self) -> Error {
        let missing = if self.sending.load(Ordering::Acquire) {
            "answer"
        } else {
            "credential"
        };
        let limit = self.limit.as_secs_f64();
        Error::timeout(format!(
            "no {missing} within the call's deadline of {limit} s"
        ))
    }
}

/// At most eight digits and a unit; anything else is no deadline, as for tonic itself.
fn parse(value: &HeaderValue) -> Option<Duration> {
    let (unit, digits) = value.as_bytes().split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = str::from_utf8(digits).ok()?.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

/// In the finest unit that eight digits can hold.
fn write(left: Duration) -> Option<HeaderValue> {
    let seconds = u128::from(left.as_secs());
    let (number, unit) = [
        (left.as_nanos(), 'n'),
        (left.as_micros(), 'u'),
        (left.as_millis(), 'm'),
        (seconds, 'S'),
        (seconds / 60, 'M'),
        (seconds / 3600, 'H'),
    ]
    .into_iter()
    .find(|(number, _)| *number < 100_000_000)?;
    HeaderValue::try_from(format!("{number}{unit}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_protocol_allows_and_no_more() {
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("30S", Some(Duration::from_secs(30))),
            ("250m", Some(Duration::from_millis(250))),
            ("99999999u", Some(Duration::from_micros(99_999_999))),
            ("0n", Some(Duration::ZERO)),
            ("100000000n", None),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
            ("1s", None),
            ("S", None),
            ("+1S", None),
            ("-1S", None),
            ("1.5S", None),
            ("", None),
        ] {
            assert_eq!(parse(&HeaderValue::from_static(text)), expected, "{text}");
        }
    }

    #[test]
    fn writes_the_finest_unit_that_fits() {
        for (left, expected) in [
            (Duration::from_millis(50), "50000000n"),
            (Duration::from_secs(5), "5000000u"),
            (Duration::from_secs(3600), "3600000m"),
            (Duration::from_secs(200_000), "200000S"),
            (Duration::from_secs(100_000_000), "1666666M"),
            (Duration::from_secs(60 * 100_000_000), "1666666H"),
        ] {
            assert_eq!(write(left).unwrap(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_taken_off() {
        let mut headers = HeaderMap::new();
        assert!(Deadline::of(&headers).is_none());
        headers.insert(GRPC_TIMEOUT, HeaderValue::from_static("2S"));
        let deadline = Deadline::of(&headers).unwrap();
        deadline.leaves(&mut headers);
        assert_eq!(headers[GRPC_TIMEOUT], "2S");
        tokio::time::advance(Duration::from_millis(500)).await;
        deadline.leaves(&mut headers);
        assert_eq!(headers[GRPC_TIMEOUT], "1500000u");
    }
}
