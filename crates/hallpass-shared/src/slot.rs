//! [`Slot`]: what is kept under one name, and the rules of a store.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::store::{
    Entry, Lease, LeaseRequest, Leased, Outcome, Owner, Published, Snapshot, StoreTime, next_fence,
};

/// What is kept under one name, and the rules of a [`Store`](crate::Store) as plain calls: for stores
/// that can hold a name's slot to themselves while they change it, in memory or under a file's lock.
/// Other stores do the same in their own language.
///
/// `now` is the store's own clock each time.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Slot {
    generation: u64,
    sealed: Vec<u8>,
    ends: StoreTime,
    refused: u64,
    fence: u64,
    /// Nobody's while it is a pause.
    owner: Option<Owner>,
    leased_until: StoreTime,
}

impl Slot {
    /// Whether nothing in it counts any more.
    pub fn is_over(&self, now: StoreTime) -> bool {
        self.ends <= now && self.leased_until <= now
    }

    /// The entry, if there is one that has not ended.
    pub fn entry(&self, now: StoreTime) -> Option<Entry> {
        let left = self.ends.checked_sub(now).filter(|left| *left > 0)?;
        Some(Entry {
            generation: self.generation,
            sealed: self.sealed.clone(),
            left: Duration::from_millis(left),
        })
    }

    /// What [`Store::get`](crate::Store::get) says.
    pub fn snapshot(&self, now: StoreTime) -> Snapshot {
        Snapshot {
            entry: self.entry(now),
            refused: self.refused,
        }
    }

    /// What [`Store::lease`](crate::Store::lease) does.
    pub fn lease(&mut self, now: StoreTime, request: &LeaseRequest) -> Leased {
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

    /// What [`Store::publish_if_fence`](crate::Store::publish_if_fence) does.
    pub fn publish(&mut self, now: StoreTime, fence: u64, outcome: &Outcome) -> Published {
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

    /// Puts an entry there as it is, past all guards.
    pub(crate) fn put(&mut self, now: StoreTime, entry: Entry) {
        self.generation = entry.generation;
        self.sealed = entry.sealed;
        self.ends = now.saturating_add(millis(entry.left));
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
