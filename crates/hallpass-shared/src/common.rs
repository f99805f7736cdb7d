//! What the clones of a [`Shared`](crate::Shared) have in common.

use std::{sync::atomic::AtomicU64, time::Duration};

use hallpass_core::Description;

use crate::{Keys, SharedStore, known::Known, stats::Counters};

/// What clones share.
pub(crate) struct Common {
    pub(crate) store: SharedStore,
    pub(crate) keys: Keys,
    pub(crate) counters: Counters,
    pub(crate) known: Known,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) only_through_store: bool,
    pub(crate) lease_term: Duration,
    pub(crate) wait_limit: Duration,
}

impl Settings {
    /// As strict as the source asks for, which may change with what it chose or discovered.
    pub(crate) fn for_source(mut self, description: &Description) -> Self {
        self.only_through_store |= description.kills_old || description.one_at_a_time;
        self
    }
}

impl Common {
    /// Counts for the credential and for the store.
    pub(crate) fn count(&self, counter: impl Fn(&Counters) -> &AtomicU64) {
        Counters::add(counter(&self.counters));
        Counters::add(counter(self.store.counters()));
    }
}
