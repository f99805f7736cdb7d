//! [`MemoryStore`]: a store in the process, for tests, simulations, and several caches in one process.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hallpass_core::Error;
use tokio::time::Instant;

use crate::{
    Name, News,
    slot::Slot,
    store::{Entry, LeaseRequest, Leased, Outcome, Published, Snapshot, Store, StoreTime, millis},
};

/// A store in the process. Clones share it.
///
/// It keeps time by tokio's clock, so that paused tests move it. Its names end by themselves, as
/// those of every store do.
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

struct Inner {
    slots: Mutex<Slots>,
    news: News,
    start: Instant,
    start_wall: Duration,
}

#[derive(Default)]
struct Slots {
    slots: HashMap<Name, Slot>,
    /// How many there may be before those that have ended are looked for.
    sweep_at: usize,
}

const FIRST_SWEEP: usize = 1024;

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                slots: Mutex::default(),
                news: News::default(),
                start: Instant::now(),
                start_wall: SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default(),
            }),
        }
    }

    /// Forgets everything, as a server that was restarted without its data.
    pub fn clear(&self) {
        self.lock().slots.clear();
    }

    /// How many names it keeps.
    pub fn len(&self) -> usize {
        self.lock().slots.len()
    }

    /// Whether it keeps nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What stands under a name, to be [put](Self::put) elsewhere or back later, as a vandal would.
    pub fn take_copy(&self, name: &Name) -> Option<Entry> {
        let now = self.now();
        self.lock().slots.get(name)?.entry(now)
    }

    /// Puts an entry under a name as it is, past all guards: for tests of what is done about it.
    pub fn put(&self, name: &Name, entry: Entry) {
        let now = self.now();
        let mut slots = self.lock();
        let slot = slots.slots.entry(*name).or_default();
        slot.put(now, entry);
    }

    fn now(&self) -> StoreTime {
        millis(self.inner.start_wall + self.inner.start.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        let slots = self.inner.slots.lock();
        slots.unwrap_or_else(PoisonError::into_inner)
    }

    fn with_slot<T>(&self, name: &Name, change: impl FnOnce(&mut Slot, StoreTime) -> T) -> T {
        let now = self.now();
        let mut slots = self.lock();
        if slots.slots.len() >= slots.sweep_at.max(FIRST_SWEEP) {
            slots.slots.retain(|_, slot| !slot.is_over(now));
            slots.sweep_at = slots.slots.len().saturating_mul(2);
        }
        change(slots.slots.entry(*name).or_default(), now)
    }
}

impl Store for MemoryStore {
    async fn get(&self, name: &Name) -> Result<Snapshot, Error> {
        let now = self.now();
        let slots = self.lock();
        let slot = slots.slots.get(name);
        Ok(slot.map(|slot| slot.snapshot(now)).unwrap_or_default())
    }

    async fn lease(&self, name: &Name, request: &LeaseRequest) -> Result<Leased, Error> {
        Ok(self.with_slot(name, |slot, now| slot.lease(now, request)))
    }

    async fn publish_if_fence(
        &self,
        name: &Name,
        fence: u64,
        outcome: &Outcome,
    ) -> Result<Published, Error> {
        let published = self.with_slot(name, |slot, now| slot.publish(now, fence, outcome));
        if published == Published::Done {
            self.inner.news.tell(name, fence);
        }
        Ok(published)
    }

    async fn watch(&self, name: &Name, seen: u64) {
        self.inner.news.wait(name, seen).await;
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("names", &self.len())
            .finish_non_exhaustive()
    }
}
