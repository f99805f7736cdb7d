//! [`SharedFetch`]: one fetch, by way of the store.
//!
//! ```text
//!          ┌───────────────────────── wait ◀─────────────┐
//!          ▼                                             │ held by another, or a pause
//!        lease ── newer entry ──▶ opens, and will do ──▶ taken over
//!          │                      else: a newer one is wanted, lease again
//!          │ granted ──▶ source.fetch, lease kept ──▶ publish ──▶ done
//!          │                                             └─ refused ──▶ the newer one is taken over
//!          └ the store fails ──▶ look without the lease ──▶ source.fetch, for this process alone
//! ```

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hallpass_core::{Credential, Error, Fetch, Identified, Reason};
use tokio::time::{Instant, sleep};

use crate::{
    common::{Common, Settings},
    entry::Unpacked,
    known::{Given, Place},
    open::open_entry,
    store::{Entry, LeaseRequest, Leased, Owner, Snapshot},
    wanted::Wanted,
};

/// How often the store is looked at while another process fetches, in case that news are lost:
/// 250 ms, doubling…
const LOOK: Duration = Duration::from_millis(250);

/// …up to a second.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// How many entries may turn out useless in one fetch. A store that has more of them is broken.
const USELESS: u32 = 3;

/// What is left for an answer when a wait ends at the engine's own deadline.
const IN_TIME: Duration = Duration::from_millis(500);

pub(crate) struct SharedFetch<'a, S> {
    pub(crate) source: &'a S,
    pub(crate) common: &'a Common,
    pub(crate) settings: Settings,
    pub(crate) why: &'a Fetch,
    pub(crate) place: Place,
    owner: Owner,
    pub(crate) wanted: Wanted,
    useless: u32,
    /// Whether the issuer has failed for another process meanwhile.
    failed_elsewhere: bool,
}

/// What one look at the store led to.
enum Step {
    Done(Result<Credential, Error>),
    Again,
    /// Another process fetches, and has the lease for so long yet.
    Wait(Duration),
    Paused(Duration),
}

impl<'a, S: Identified> SharedFetch<'a, S> {
    pub(crate) fn new(
        source: &'a S,
        common: &'a Common,
        settings: Settings,
        why: &'a Fetch,
        place: Place,
    ) -> Result<Self, Error> {
        Ok(Self {
            source,
            common,
            settings,
            why,
            place,
            owner: Owner::random()?,
            wanted: Wanted::by(why, &common.known),
            useless: 0,
            failed_elsewhere: false,
        })
    }

    pub(crate) async fn run(mut self) -> Result<Credential, Error> {
        let wait_ends = self.wait_ends();
        let mut look = LOOK;
        let mut waited = false;
        let mut heard = false;
        loop {
            let left = match self.step().await? {
                Step::Done(outcome) => return outcome,
                Step::Again => continue,
                Step::Wait(left) if Instant::now() < wait_ends => left,
                Step::Wait(_) => return self.waited_in_vain().await,
                // Nobody is to ask before its end, however long others may wait for each other.
                Step::Paused(left) if Instant::now() + left < wait_ends => {
                    self.failed_elsewhere = true;
                    left
                }
                Step::Paused(left) => {
                    return Err(Error::transient("the issuer failed for another process")
                        .context("another process of the fleet has asked for a credential in vain")
                        .after(left));
                }
            };
            // Whoever waits for another process takes no place from those who can get on.
            self.why.give_up_turn();
            if !std::mem::replace(&mut waited, true) {
                self.common.count(|counters| &counters.waits);
            }
            // Those who wait for the same end don't look all at once.
            let spread = Duration::from_millis(fastrand::u64(1..20));
            let seen = self.wanted.newer_than.max(self.common.known.highest());
            tokio::select! {
                // What was no news is not listened to again at once: that would be a loop.
                () = self.common.store.watch(&self.place.name, seen), if !heard => heard = true,
                () = sleep(left.min(look) + spread) => {
                    heard = false;
                    look = (look * 2).min(LONGEST_LOOK);
                }
            }
        }
    }

    async fn step(&mut self) -> Result<Step, Error> {
        // Lifetimes count from here, whatever the store takes to answer.
        self.why.sending()?;
        let request = self.lease_request(self.owner);
        let asked = Instant::now();
        let leased = match self.common.store.lease(&self.place.name, &request).await {
            Ok(leased) => leased,
            Err(error) => return Ok(Step::Done(self.without_lease(error).await)),
        };
        Ok(match leased {
            Leased::Newer(snapshot) => match self.take_over(&snapshot) {
                Some(credential) => Step::Done(Ok(credential)),
                None if self.useless >= USELESS => {
                    let error = Error::transient("the shared store holds no usable entry");
                    Step::Done(self.without_store(error).await)
                }
                None => Step::Again,
            },
            Leased::Granted(lease) => {
                if lease.generation != 0 && lease.generation < self.common.known.highest() {
                    self.common.count(|counters| &counters.replayed);
                }
                Step::Done(self.hold(&request, lease, asked).await)
            }
            Leased::Held(left) => Step::Wait(left),
            Leased::Paused(left) => Step::Paused(left),
        })
    }

    pub(crate) fn lease_request(&self, owner: Owner) -> LeaseRequest {
        LeaseRequest {
            owner,
            term: self.settings.lease_term,
            newer_than: self.wanted.newer_than,
            refused: self.wanted.refused,
            seen: self.common.known.highest(),
        }
    }

    /// The credential of the entry that there is, if it will do.
    fn take_over(&mut self, snapshot: &Snapshot) -> Option<Credential> {
        let entry = snapshot.entry.as_ref()?;
        let credential = self.usable(entry, snapshot.refused);
        if credential.is_none() {
            self.useless += 1;
        }
        credential
    }

    pub(crate) fn usable(&mut self, entry: &Entry, refused: u64) -> Option<Credential> {
        let generation = entry.generation;
        let known = &self.common.known;
        if generation < known.highest() {
            self.common.count(|counters| &counters.replayed);
            self.wanted.newer_than = self.wanted.newer_than.max(generation);
            return None;
        }
        let Some(unpacked) = open_entry(self.common, &self.place, entry) else {
            self.wanted.newer_than = self.wanted.newer_than.max(generation);
            return None;
        };
        known.saw(generation);
        if generation <= refused || !self.wanted.accepts(generation, &unpacked) {
            return None;
        }
        if !unpacked.replaces(self.wanted.refused_up_to) {
            self.why.found_existing();
        }
        self.common.count(|counters| &counters.taken_over);
        tracing::debug!(target: "hallpass", name = %self.place.name, generation, "took over a shared credential");
        let Unpacked {
            credential, left, ..
        } = unpacked;
        known.give(Given::new(&credential, generation, true, Some(left)));
        Some(credential)
    }

    /// The store refuses leases. It may still be readable.
    async fn without_lease(&mut self, error: Error) -> Result<Credential, Error> {
        if !error.is_timeout() {
            self.why.sending()?;
            if let Ok(snapshot) = self.common.store.get(&self.place.name).await
                && let Some(entry) = &snapshot.entry
                && entry.generation > self.wanted.newer_than
                && let Some(credential) = self.usable(entry, snapshot.refused)
            {
                return Ok(credential);
            }
        }
        self.without_store(error).await
    }

    /// Fetches for this process alone, where that is allowed.
    async fn without_store(&mut self, error: Error) -> Result<Credential, Error> {
        if self.settings.only_through_store {
            return Err(error.context(
                "no credential without the shared store, which is not usable now: this issuer lets one process at a time ask",
            ));
        }
        self.alone().await
    }

    async fn waited_in_vain(&mut self) -> Result<Credential, Error> {
        let error = || Error::timeout("another process of the fleet still fetches the credential");
        // Nobody waits for a renewal ahead: it comes later. And an issuer that fails is not helped by
        // a fleet that asks all at once.
        let futile = self.failed_elsewhere || self.why.reason() == Reason::Ahead;
        if self.settings.only_through_store || futile {
            return Err(error());
        }
        self.alone().await
    }

    async fn alone(&mut self) -> Result<Credential, Error> {
        self.common.count(|counters| &counters.direct);
        tracing::debug!(target: "hallpass", name = %self.place.name, "fetching without the shared store");
        self.why.take_turn().await;
        self.why.sending()?;
        let credential = self.source.fetch(self.why).await?;
        self.give_own(&credential);
        Ok(credential)
    }

    /// Remembers a credential that no other process knows.
    pub(crate) fn give_own(&self, credential: &Credential) {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        let stamp = wall.map_or(0, |wall| wall.as_millis() as u64);
        let left = credential.lifetime();
        let given = Given::new(credential, stamp, false, left);
        self.common.known.give(given);
    }

    fn wait_ends(&self) -> Instant {
        let deadline = self.why.deadline();
        let in_time = deadline.checked_sub(IN_TIME).unwrap_or(deadline);
        if self.settings.only_through_store {
            return in_time;
        }
        let limit = Instant::now().checked_add(self.settings.wait_limit);
        limit.map_or(in_time, |limit| limit.min(in_time))
    }
}
