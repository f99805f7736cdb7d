//! [`Stats`]: what a [`Cached`](crate::Cached) has done so far.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// What a [`Cached`](crate::Cached) has done so far, and what it holds.
///
/// Calls served by the credential in hand are not counted: a shared counter would cost more than
/// the rest of that path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
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
    /// Requests that went without it: to elsewhere, with a header of their own, or opted out. A
    /// client of which every request is one of these never uses what it was given; debug events
    /// named `withheld` say why, once for each origin and reason.
    pub withheld: u64,
    /// The number of the credential in hand, if there is a usable one.
    pub generation: Option<u64>,
    /// For how much longer it is handed out while it can be renewed; none if it never ends.
    pub time_left: Option<Duration>,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) fetches: Counter,
    pub(crate) failures: Counter,
    pub(crate) rejections: Counter,
    pub(crate) replays: Counter,
    pub(crate) waits: Counter,
    pub(crate) withheld: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counters {
    pub(crate) fn add(&self, others: &Self) {
        self.fetches.add_all(&others.fetches);
        self.failures.add_all(&others.failures);
        self.rejections.add_all(&others.rejections);
        self.replays.add_all(&others.replays);
        self.waits.add_all(&others.waits);
        self.withheld.add_all(&others.withheld);
    }
}

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn add_all(&self, other: &Self) {
        self.0.fetch_add(other.get(), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
