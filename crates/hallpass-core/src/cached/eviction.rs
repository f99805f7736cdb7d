//! What a [`Keyed`](crate::Keyed) asks of the [`Cached`]s that it keeps.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, TryLockError, atomic::Ordering},
};

use super::{Cached, state::Memory};
use crate::fetch::FetchLimit;

impl Cached {
    /// How many have a clone of it: a request on its way, a caller that waits, a pending fetch.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.shared)
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Whether a fetch is pending or waited for. Never blocks: whoever holds the lock is busy.
    pub(crate) fn is_fetching(&self) -> bool {
        let pending = match self.shared.state.try_lock() {
            Ok(state) => state.machine.pending().is_some(),
            Err(TryLockError::Poisoned(state)) => state.into_inner().machine.pending().is_some(),
            Err(TryLockError::WouldBlock) => true,
        };
        pending || self.shared.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether it was asked to be kept warm, or its source has what would be lost.
    pub(crate) fn must_stay(&self) -> bool {
        let keeps_state = || self.shared.source.keeps_state();
        self.shared.warm.is_wanted()
            // What panics here would leave a lock poisoned that is not ours.
            || catch_unwind(AssertUnwindSafe(keeps_state)).unwrap_or(true)
    }

    /// What its successor under the same key has to know.
    pub(crate) fn memory(&self) -> Option<Memory> {
        let now = self.shared.clock.now();
        self.shared.lock().machine.memory(now)
    }

    pub(crate) fn source_version(&self) -> u64 {
        self.shared.source.version()
    }

    /// Goes on where the one before it under the same key has ended. The version is its source's.
    pub(crate) fn recall(&self, memory: Memory, version: u64) {
        let now = self.shared.clock.now();
        self.shared
            .with_machine(|machine| machine.recall(now, version, memory));
    }

    /// Lets its fetches run only when this has a place for them. The first limit stays.
    pub(crate) fn limit_fetches(&self, limit: impl FnOnce() -> Arc<FetchLimit>) {
        self.shared.fetch_limit.get_or_init(limit);
    }
}
