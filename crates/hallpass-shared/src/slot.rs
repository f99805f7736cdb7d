//! [`Slot`]: what is kept under one name, and the rules of a store.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::store::{
    Entry, LONGEST_LIFE, LONGEST_TERM, Lease, LeaseRequest, Leased, Outcome, Owner, Published,
    Snapshot, StoreTime, granted, millis, next_fence, term_millis,
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
        self.entry_left(now).is_none() && self.lease_left(now).is_none()
    }

    /// The entry, if there is one that has not ended.
    pub fn entry(&self, now: StoreTime) -> Option<Entry> {
        Some(Entry {
            left: self.entry_left(now)?,
            generation: self.generation,
            sealed: self.sealed.clone(),
        })
    }

    fn entry_left(&self, now: StoreTime) -> Option<Duration> {
        let possible = granted(self.generation, now) != 0;
        left(self.ends, now, LONGEST_LIFE).filter(|_| possible)
    }

    /// The generation of the entry, or 0.
    fn current(&self, now: StoreTime) -> u64 {
        self.entry_left(now).map_or(0, |_| self.generation)
    }

    /// What is left of the lease or the pause.
    fn lease_left(&self, now: StoreTime) -> Option<Duration> {
        left(self.leased_until, now, LONGEST_TERM)
    }

    /// What [`Store::get`](crate::Store::get) says.
    pub fn snapshot(&self, now: StoreTime) -> Snapshot {
        Snapshot {
            entry: self.entry(now),
            refused: granted(self.refused, now),
        }
    }

    /// What [`Store::lease`](crate::Store::lease) does.
    pub fn lease(&mut self, now: StoreTime, request: &LeaseRequest) -> Leased {
        self.refused = granted(self.refused, now).max(granted(request.refused, now));
        let generation = self.current(now);
        // Else a fence that somebody has written would be handed out to whoever renews.
        self.fence = granted(self.fence, now);
        let until = now.saturating_add(term_millis(request.term));
        match self.lease_left(now) {
            Some(_) if self.owner == Some(request.owner) => self.leased_until = until,
            _ if generation > request.newer_than && generation > self.refused => {
                return Leased::Newer(self.snapshot(now));
            }
            Some(left) if self.owner.is_some() => return Leased::Held(left),
            Some(left) => return Leased::Paused(left),
            None => {
                let numbers = [self.fence, generation, self.refused, request.seen];
                self.fence = next_fence(&numbers, now);
                self.owner = Some(request.owner);
                self.leased_until = until;
            }
        }
        Leased::Granted(Lease {
            fence: self.fence,
            now,
            generation,
        })
    }

    /// What [`Store::publish_if_fence`](crate::Store::publish_if_fence) does.
    pub fn publish(&mut self, now: StoreTime, fence: u64, outcome: &Outcome) -> Published {
        if fence == 0 || self.fence != fence || self.current(now) >= fence {
            return Published::Refused(self.snapshot(now));
        }
        match outcome {
            Outcome::Entry { sealed, ends } => {
                if *ends <= now {
                    return Published::Refused(self.snapshot(now));
                }
                self.generation = fence;
                self.sealed.clone_from(sealed);
                self.ends = (*ends).min(now.saturating_add(millis(LONGEST_LIFE)));
                self.leased_until = now;
            }
            Outcome::Failure(pause) => self.leased_until = now.saturating_add(term_millis(*pause)),
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

/// What is left until then, if that is ahead and not too far ahead to be true.
fn left(until: StoreTime, now: StoreTime, longest: Duration) -> Option<Duration> {
    let left = Duration::from_millis(until.checked_sub(now)?);
    (!left.is_zero() && left <= longest).then_some(left)
}
