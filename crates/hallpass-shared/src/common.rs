//! What the clones of a [`Shared`](crate::Shared) have in common.

use std::{
    sync::{Mutex, atomic::AtomicU64},
    time::Duration,
};

use crate::{Keys, SharedStore, known::Known, stats::Counters, store::Owner};

/// What clones share.
pub(crate) struct Common {
    pub(crate) store: SharedStore,
    pub(crate) keys: Keys,
    pub(crate) counters: Counters,
    pub(crate) known: Known,
    /// Who has the lease while this process fetches: an attempt beside a silent one shares it.
    pub(crate) holding: Mutex<Option<Owner>>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) only_through_store: bool,
    pub(crate) lease_term: Duration,
    pub(crate) wait_limit: Duration,
}

impl Common {
    /// Counts for the credential and for the store.
    pub(crate) fn count(&self, counter: impl Fn(&Counters) -> &AtomicU64) {
        Counters::add(counter(&self.counters));
        Counters::add(counter(self.store.counters()));
    }
}
