//! [`Changes`]: tells those who wait for a credential to look again.

use std::sync::{Arc, atomic::Ordering};

use crate::sync::{AtomicU64, Notify};

/// Tells those who wait to look again, at last when it is dropped.
///
/// A sixth of a `tokio::sync::watch` in size, and there is one for each of a hundred thousand
/// credentials.
#[derive(Debug, Default)]
pub(super) struct Changes {
    told: Arc<Told>,
}

#[derive(Debug, Default)]
struct Told {
    times: AtomicU64,
    notify: Notify,
}

/// Whoever waits, and what it knows of.
#[derive(Debug)]
pub(super) struct Subscription {
    told: Arc<Told>,
    seen: u64,
}

impl Changes {
    /// From now on no change is missed.
    pub(super) fn subscribe(&self) -> Subscription {
        Subscription {
            told: Arc::clone(&self.told),
            seen: self.told.times(),
        }
    }

    pub(super) fn tell(&self) {
        self.told.times.fetch_add(1, Ordering::Release);
        self.told.notify.notify_waiters();
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.tell();
    }
}

impl Told {
    fn times(&self) -> u64 {
        self.times.load(Ordering::Acquire)
    }
}

impl Subscription {
    /// Ends at the next change, or at once if there was one meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future misses nothing.
    pub(super) async fn next(&mut self) {
        loop {
            // Made before the look: whatever is told from here on wakes it.
            let notified = self.told.notify.notified();
            let times = self.told.times();
            if times != self.seen {
                self.seen = times;
                return;
            }
            notified.await;
        }
    }

    /// Whatever has happened so far is no news.
    pub(super) fn mark_unchanged(&mut self) {
        self.seen = self.told.times();
    }
}
