//! [`Entry`]: a credential under its key, and what becomes of it when it is evicted.

use std::{hash::RandomState, sync::Arc};

use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};

use super::{Key, stats::Counts};
use crate::{Cached, cached::Memory};

pub(super) type Entries<K> = Cache<K, Entry, UnitWeighter, RandomState, Lifecycle<K>>;

/// What is remembered of keys whose credentials were evicted.
pub(super) type Remembered<K> = Cache<K, Memory, UnitWeighter, RandomState>;

pub(super) fn remembered<K: Key>(limit: usize) -> Remembered<K> {
    let random = RandomState::new();
    Cache::with(
        limit,
        limit as u64,
        UnitWeighter,
        random,
        DefaultLifecycle::default(),
    )
}

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) cached: Cached,
    /// Whether it was made for this key alone. One that the user keeps as well is there again, with
    /// all that it knows, when the key is.
    pub(super) is_ours: bool,
}

impl Entry {
    pub(super) fn new(cached: Cached) -> Self {
        let is_ours = cached.holders() == 1;
        Self { cached, is_ours }
    }

    /// Whether it must not go now. Asked under a lock, so it only looks.
    ///
    /// Whoever holds a clone may yet fetch with it, and two that use one refresh token look like
    /// theft. A pending fetch holds one.
    fn is_in_use(&self) -> bool {
        let cached = &self.cached;
        let held = self.is_ours && cached.holders() > 1;
        held || cached.is_fetching() || cached.must_stay()
    }
}

#[derive(Clone)]
pub(super) struct Lifecycle<K> {
    remembered: Arc<Remembered<K>>,
    counts: Arc<Counts>,
}

impl<K> Lifecycle<K> {
    pub(super) fn new(remembered: Arc<Remembered<K>>, counts: Arc<Counts>) -> Self {
        Self { remembered, counts }
    }
}

impl<K: Key> quick_cache::Lifecycle<K, Entry> for Lifecycle<K> {
    type RequestState = Evicted<K>;

    fn is_pinned(&self, _key: &K, entry: &Entry) -> bool {
        entry.is_in_use()
    }

    // Under the lock, so that nobody makes the key anew before its gap is remembered.
    fn on_evict(&self, evicted: &mut Evicted<K>, key: K, entry: Entry) {
        if entry.is_ours
            && let Some(memory) = entry.cached.memory()
        {
            self.remembered.insert(key.clone(), memory);
        }
        self.counts.evicted(&entry.cached);
        evicted.0.push((key, entry));
    }
}

/// What was evicted, to be dropped without the lock.
pub(super) struct Evicted<K>(Vec<(K, Entry)>);

impl<K> Default for Evicted<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
