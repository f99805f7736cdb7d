//! [`KeyedStats`]: what all credentials of a [`Keyed`](crate::Keyed) have done so far.

use crate::{
    Cached,
    stats::{Counter, Counters},
};

/// What all credentials of a [`Keyed`](crate::Keyed) have done so far, those that are gone included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct KeyedStats {
    /// Credentials that there are now.
    pub entries: usize,
    /// Credentials that were made, those included that were not kept for want of room.
    pub made: u64,
    /// Credentials that had to go for others.
    pub evicted: u64,
    /// Requests that were refused before anything was sent: their key was unknown or missing, or
    /// there was no room for its credential.
    pub refused: u64,
    /// Fetches that run now.
    pub fetching: usize,
    /// Fetches that wait for their turn now.
    pub queued: usize,
    /// Fetches started.
    pub fetches: u64,
    /// Fetches that brought no credential.
    pub failures: u64,
    /// Fetches started because a server refused the credential.
    pub rejections: u64,
    /// Requests sent a second time.
    pub replays: u64,
    /// Callers that had to wait for a fetch.
    pub waits: u64,
    /// Requests that went without a credential.
    pub withheld: u64,
}

#[derive(Default)]
pub(super) struct Counts {
    made: Counter,
    evicted: Counter,
    refused: Counter,
    /// Of those that are gone.
    gone: Counters,
}

impl Counts {
    pub(super) fn made(&self) {
        self.made.add();
    }

    pub(super) fn refused(&self) {
        self.refused.add();
    }

    pub(super) fn evicted(&self, cached: &Cached) {
        self.evicted.add();
        self.gone(cached);
    }

    /// Keeps what it has done.
    pub(super) fn gone(&self, cached: &Cached) {
        self.gone.add(cached.counters());
    }

    /// `nobody` stands for requests without a key, and is no entry.
    pub(super) fn sum(&self, entries: impl Iterator<Item = Cached>, nobody: &Cached) -> KeyedStats {
        let all = Counters::default();
        let mut count = 0;
        for cached in entries {
            all.add(cached.counters());
            count += 1;
        }
        all.add(nobody.counters());
        all.add(&self.gone);
        KeyedStats {
            entries: count,
            made: self.made.get(),
            evicted: self.evicted.get(),
            refused: self.refused.get(),
            fetches: all.fetches.get(),
            failures: all.failures.get(),
            rejections: all.rejections.get(),
            replays: all.replays.get(),
            waits: all.waits.get(),
            withheld: all.withheld.get(),
            ..KeyedStats::default()
        }
    }
}
