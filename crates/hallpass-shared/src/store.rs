//! [`Store`]: where a fleet keeps its credentials, and what it has to guarantee.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use hallpass_core::Error;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::Name;

/// Where a fleet keeps its credentials: sealed entries by [`Name`], each with a lease for whoever
/// fetches the next one.
///
/// Each call is one round trip, atomic for its name, and decided by the store's own clock. A store
/// sees nothing but digests and sealed bytes. The module `contract` (feature `contract`) holds an implementation to what is said
/// here.
///
/// # Invariants
/// 1. Fences grow: a new lease of a name has a higher fence than all before it, also after the store
///    was emptied. That is what [`next_fence`] is for.
/// 2. At most one lease of a name is live.
/// 3. An entry's generation is the fence under which it was fetched, and no publication ever lowers
///    it.
/// 4. Everything ends by itself: entries with their life, leases with their term.
/// 5. What can't be was not written by a fleet, and counts as nothing: a lease or a pause that ends
///    more than [`LONGEST_TERM`] ahead of the store's clock, an entry that ends more than
///    [`LONGEST_LIFE`] ahead, and a number that is more than a day ahead.
///
/// # Errors
/// Every method fails with a [transient](Error::is_transient) error if the store can't be reached or
/// refuses, such as one that is full or read-only. The caller limits the time.
pub trait Store: Send + Sync + 'static {
    /// What there is, without changing anything.
    fn get(&self, name: &Name) -> impl Future<Output = Result<Snapshot, Error>> + Send;

    /// Takes the lease of a name, unless there is an entry that is new enough.
    ///
    /// In this order: the refused generation is noted; an owner that has the live lease has it for a
    /// new term, with the same fence; an entry newer than [`newer_than`](LeaseRequest::newer_than)
    /// and than what was refused is returned; a live lease of another owner, or a pause, is
    /// reported; else the lease is granted with a new fence.
    fn lease(
        &self,
        name: &Name,
        request: &LeaseRequest,
    ) -> impl Future<Output = Result<Leased, Error>> + Send;

    /// Ends the lease of this fence, with the entry that it was taken for or without one.
    ///
    /// Refused, with what there is instead, if another lease was granted meanwhile, if there is an
    /// entry of this generation or a higher one, if the store knows of no such lease, or if the
    /// entry is over. A lease that has run out is as good as a live one as long as nobody else took
    /// it.
    fn publish_if_fence(
        &self,
        name: &Name,
        fence: u64,
        outcome: &Outcome,
    ) -> impl Future<Output = Result<Published, Error>> + Send;

    /// Ends once there may be an entry of a higher generation than the one that was seen.
    ///
    /// A hint: it may end for nothing, and news may be lost, so callers look besides. A store that
    /// can't tell never ends, which is what this does by itself.
    fn watch(&self, _name: &Name, _seen: u64) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// Milliseconds since the Unix epoch by the store's own clock.
pub type StoreTime = u64;

/// The longest term of a lease, and the longest pause: a minute. Longer ones are made as long as
/// this, and one that ends later by the store's clock was not granted. So long at most does somebody
/// who writes to the store hold a fleet up.
pub const LONGEST_TERM: Duration = Duration::from_secs(60);

/// For how long an entry is kept at most, whatever its credential's life: a year.
pub const LONGEST_LIFE: Duration = Duration::from_secs(366 * 24 * 3600);

/// A day: no fence is further ahead of the store's clock, so one that is was not granted.
const FURTHEST_AHEAD: u64 = 24 * 3600 * 1000;

/// A number that may have been granted, or 0. Those that are too far ahead of the time count for
/// nothing, so that a vandal can't use them up.
pub fn granted(number: u64, now: StoreTime) -> u64 {
    if number > now.saturating_add(FURTHEST_AHEAD) {
        0
    } else {
        number
    }
}

/// The fence of a new lease: higher than all of these numbers that may have been
/// [granted](granted()), which are the last one, the entry's, what was refused and what the owner has
/// seen; and than every one that was granted before the store was emptied, because it is not less
/// than the time.
pub fn next_fence(numbers: &[u64], now: StoreTime) -> u64 {
    let above = numbers.iter().map(|number| granted(*number, now) + 1);
    above.fold(now, u64::max)
}

/// The milliseconds of a term or a pause, [`LONGEST_TERM`] at most.
pub fn term_millis(term: Duration) -> u64 {
    millis(term.min(LONGEST_TERM))
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a store has under a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The entry, if there is one and it has not ended.
    pub entry: Option<Entry>,
    /// The highest generation that was refused; none that is not higher is to be used.
    pub refused: u64,
}

/// A sealed credential.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The fence under which it was fetched.
    pub generation: u64,
    /// What the store can't read.
    pub sealed: Vec<u8>,
    /// What is left of its life, by the store's clock.
    pub left: Duration,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("generation", &self.generation)
            .field("length", &self.sealed.len())
            .field("left", &self.left)
            .finish()
    }
}

/// Who takes a lease: 128 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner([u8; 16]);

impl Owner {
    /// A new owner.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; 16];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| Error::transient("the system gives no random numbers"))?;
        Ok(Self(bytes))
    }

    /// The bits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What somebody who wants a newer credential asks of a store.
#[derive(Debug, Clone, Copy)]
pub struct LeaseRequest {
    /// Who asks.
    pub owner: Owner,
    /// For how long, unless it is renewed; [`LONGEST_TERM`] at most.
    pub term: Duration,
    /// An entry of a higher generation than this is as good as a lease.
    pub newer_than: u64,
    /// The generation that a server has refused; 0 for none.
    pub refused: u64,
    /// The highest generation that the owner has seen: the new fence is higher.
    pub seen: u64,
}

/// What comes of a [lease request](Store::lease).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leased {
    /// There is an entry that is new enough.
    Newer(Snapshot),
    /// The lease is the owner's.
    Granted(Lease),
    /// Another owner has the lease, and for how much longer if it is not renewed.
    Held(Duration),
    /// Somebody has asked in vain, and nobody is to ask again for so long.
    Paused(Duration),
}

/// A lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The number that it publishes under.
    pub fence: u64,
    /// When it was granted.
    pub now: StoreTime,
    /// The generation of the entry that there was, new enough or not; 0 for none.
    pub generation: u64,
}

/// What a lease ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A sealed credential, and when its life ends.
    Entry {
        /// What the store can't read.
        sealed: Vec<u8>,
        /// When it ends: [`LONGEST_LIFE`] from now at the latest.
        ends: StoreTime,
    },
    /// Nothing. Nobody is to ask again for so long, which may be no time at all, and is
    /// [`LONGEST_TERM`] at most.
    Failure(Duration),
}

/// What comes of a [publication](Store::publish_if_fence).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// It stands.
    Done,
    /// It does not: this is there instead.
    Refused(Snapshot),
}

type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The same trait behind a pointer, so that no type parameter escapes.
pub(crate) trait DynStore: Send + Sync + 'static {
    fn get<'a>(&'a self, name: &'a Name) -> Pending<'a, Result<Snapshot, Error>>;
    fn lease<'a>(
        &'a self,
        name: &'a Name,
        request: &'a LeaseRequest,
    ) -> Pending<'a, Result<Leased, Error>>;
    fn publish_if_fence<'a>(
        &'a self,
        name: &'a Name,
        fence: u64,
        outcome: &'a Outcome,
    ) -> Pending<'a, Result<Published, Error>>;
    fn watch<'a>(&'a self, name: &'a Name, seen: u64) -> Pending<'a, ()>;
}

impl<S: Store> DynStore for S {
    fn get<'a>(&'a self, name: &'a Name) -> Pending<'a, Result<Snapshot, Error>> {
        Box::pin(Store::get(self, name))
    }

    fn lease<'a>(
        &'a self,
        name: &'a Name,
        request: &'a LeaseRequest,
    ) -> Pending<'a, Result<Leased, Error>> {
        Box::pin(Store::lease(self, name, request))
    }

    fn publish_if_fence<'a>(
        &'a self,
        name: &'a Name,
        fence: u64,
        outcome: &'a Outcome,
    ) -> Pending<'a, Result<Published, Error>> {
        Box::pin(Store::publish_if_fence(self, name, fence, outcome))
    }

    fn watch<'a>(&'a self, name: &'a Name, seen: u64) -> Pending<'a, ()> {
        Box::pin(Store::watch(self, name, seen))
    }
}
