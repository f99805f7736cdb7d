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
    store::{
        Entry, Lease, LeaseRequest, Leased, Outcome, Owner, Published, Snapshot, Store, StoreTime,
        next_fence,
    },
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

/// What is kept under one name. This is what every other store does in its own language.
#[derive(Debug, Default)]
struct Slot {
    generation: u64,
    sealed: Vec<u8>,
    ends: StoreTime,
    refused: u64,
    fence: u64,
    /// Nobody's while it is a pause.
    owner: Option<Owner>,
    leased_until: StoreTime,
}

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
        slot.generation = entry.generation;
        slot.sealed = entry.sealed;
        slot.ends = now.saturating_add(millis(entry.left));
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

impl Slot {
    fn is_over(&self, now: StoreTime) -> bool {
        self.ends <= now && self.leased_until <= now
    }

    fn entry(&self, now: StoreTime) -> Option<Entry> {
        let left = self.ends.checked_sub(now).filter(|left| *left > 0)?;
        Some(Entry {
            generation: self.generation,
            sealed: self.sealed.clone(),
            left: Duration::from_millis(left),
        })
    }

    fn snapshot(&self, now: StoreTime) -> Snapshot {
        Snapshot {
            entry: self.entry(now),
            refused: self.refused,
        }
    }

    fn lease(&mut self, now: StoreTime, request: &LeaseRequest) -> Leased {
        self.refused = self.refused.max(request.refused);
        let live = self.leased_until > now;
        let entry = self.entry(now);
        let generation = entry.as_ref().map_or(0, |entry| entry.generation);
        let until = now.saturating_add(millis(request.term));
        if live && self.owner == Some(request.owner) {
            self.leased_until = until;
        } else if generation > request.newer_than && generation > self.refused {
            return Leased::Newer(self.snapshot(now));
        } else if live {
            let left = Duration::from_millis(self.leased_until - now);
            return match self.owner {
                Some(_) => Leased::Held(left),
                None => Leased::Paused(left),
            };
        } else {
            let last = self.fence.max(generation);
            self.fence = next_fence(last, request.seen, now);
            self.owner = Some(request.owner);
            self.leased_until = until;
        }
        Leased::Granted(Lease {
            fence: self.fence,
            now,
            generation,
        })
    }

    fn publish(&mut self, now: StoreTime, fence: u64, outcome: &Outcome) -> Published {
        let current = self.entry(now).map_or(0, |entry| entry.generation);
        if fence == 0 || self.fence != fence || current >= fence {
            return Published::Refused(self.snapshot(now));
        }
        match outcome {
            Outcome::Entry { sealed, ends } => {
                if *ends <= now {
                    return Published::Refused(self.snapshot(now));
                }
                self.generation = fence;
                self.sealed.clone_from(sealed);
                self.ends = *ends;
                self.leased_until = now;
            }
            Outcome::Failure(pause) => self.leased_until = now.saturating_add(millis(*pause)),
        }
        self.owner = None;
        Published::Done
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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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
