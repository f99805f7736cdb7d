//! [`Life`]: when a token ends.

use std::time::{Duration, SystemTime};

use hallpass::Credential;
use jiff::Timestamp;

/// When a token ends, as far as that is known.
pub(super) struct Life {
    end: Option<SystemTime>,
}

impl Life {
    /// The life of a token that was asked for at this time, or later.
    pub(super) fn of(credential: &Credential, asked: SystemTime) -> Self {
        let by_lifetime = credential
            .lifetime()
            .and_then(|lifetime| asked.checked_add(lifetime));
        let ends = by_lifetime.into_iter().chain(credential.expiry());
        Self { end: ends.min() }
    }

    pub(super) fn left(&self) -> Option<Duration> {
        let left = self.end?.duration_since(SystemTime::now());
        Some(left.unwrap_or_default())
    }

    /// Whether it lives for so long; one of which nothing is known is taken to.
    pub(super) fn lasts(&self, least: Duration) -> bool {
        self.left().is_none_or(|left| left >= least)
    }

    /// The end in RFC 3339, in whole seconds.
    pub(super) fn end_as_text(&self) -> Option<String> {
        let since = self.end?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let end = Timestamp::from_second(i64::try_from(since.as_secs()).ok()?).ok()?;
        Some(end.to_string())
    }
}
