//! The token endpoint's limit on requests per window.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

pub(crate) struct RateLimit {
    most: usize,
    per: Duration,
    seen: VecDeque<Instant>,
}

impl RateLimit {
    pub(crate) fn new(most: usize, per: Duration) -> Self {
        Self {
            most,
            per,
            seen: VecDeque::new(),
        }
    }

    /// Counts one request, or says how long to wait before the next.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        while self
            .seen
            .front()
            .is_some_and(|first| *first + self.per <= now)
        {
            self.seen.pop_front();
        }
        if self.seen.len() < self.most {
            self.seen.push_back(now);
            return Ok(());
        }
        Err(self
            .seen
            .front()
            .map_or(self.per, |first| *first + self.per - now))
    }
}
