//! [`Cached`]: one credential, kept fresh.

mod builder;
mod current;
mod flight;
mod get;
mod policy;
mod state;
mod stats;
mod warm;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::runtime::{Handle, TryCurrentError};

pub use self::{
    builder::Builder,
    get::Get,
    policy::{FETCH_DEADLINE, Policy},
    state::Rejection,
    stats::Stats,
    warm::KeepWarm,
};
pub(crate) use self::{
    current::{Current, Usable},
    stats::Counters,
};
use self::{
    flight::Flight,
    state::{Machine, Wanted},
};
use crate::{
    Challenges, Credential, CredentialSource, Description, Error, Origin, Reason, clock::Clocks,
    source::DynSource,
};

/// Owns a [`CredentialSource`] and keeps one credential fresh. Clones share it.
///
/// - While the credential is fresh, [`get`](Self::get) is one lock-free load.
/// - When its end comes near, the next caller starts a renewal in the background; every caller
///   goes on with the present one. A failed renewal never displaces it.
/// - When there is none, exactly one fetch runs, however many callers wait. It is a task of its
///   own: a caller that goes away only stops waiting. All share what comes of it, failure included.
/// - After a failure callers without a credential get the remembered error at once, until its gap
///   is over: no storm reaches the source.
/// - A [rejected](Self::reject) credential is dropped only if it is still the current one.
///
/// An idle one costs nothing: there is no timer and no task.
///
/// ```
/// # use hallpass_core::{Cached, Credential, Error};
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let cached = Cached::new(Credential::bearer("a-static-token")?.never_expires());
/// let credential = cached.get().await?;
/// assert_eq!(credential.generation(), 1);
/// # Ok::<(), Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Cached {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    source: Box<dyn DynSource>,
    description: Description,
    policy: Policy,
    clock: Clocks,
    /// What the machine's current credential is, for readers without the lock.
    slot: ArcSwapOption<Current>,
    state: Mutex<State>,
    counters: Counters,
    /// The origin of the first request that used it, where none is configured.
    first_used: OnceLock<Origin>,
    /// Whether it has been said that a lifetime is unknown.
    warned: Once,
}

struct State {
    machine: Machine,
    flight: Option<Flight>,
    /// What the server said when it refused the last credential; the next fetch is told.
    challenges: Challenges,
}

impl Cached {
    /// Keeps what this source brings, with the default [`Policy`].
    pub fn new(source: impl CredentialSource) -> Self {
        Builder::new(source).build()
    }

    /// To change the policy or the clock.
    pub fn builder(source: impl CredentialSource) -> Builder {
        Builder::new(source)
    }

    /// A fresh credential: at once if there is one, else after the fetch that is under way or that
    /// the first poll starts.
    ///
    /// # Errors
    /// The outcome of the fetch, shared by all that waited for it, or at once the remembered one
    /// while its gap lasts. If there is no tokio runtime to run a fetch on, an error that says so.
    ///
    /// # Cancel safety
    /// Dropping the future only stops the waiting. The fetch goes on and serves others.
    ///
    /// # Panics
    /// If it has to wait on a tokio runtime without a time driver.
    pub fn get(&self) -> Get {
        match self.try_get() {
            Some(credential) => Get::ready(Ok(credential)),
            None => Get::idle(self.clone()),
        }
    }

    /// [`get`](Self::get) with a limit of the caller's own.
    ///
    /// # Errors
    /// As `get`, and a [timeout](Error::is_timeout) after `limit`.
    ///
    /// # Cancel safety
    /// As `get`.
    ///
    /// # Panics
    /// As `get`.
    pub async fn get_within(&self, limit: Duration) -> Result<Credential, Error> {
        if let Some(credential) = self.try_get() {
            return Ok(credential);
        }
        Handle::try_current().map_err(no_runtime)?;
        match tokio::time::timeout(limit, self.get()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::timeout(format!(
                "no credential within {} s",
                limit.as_secs_f64()
            ))),
        }
    }

    /// [`get`](Self::get) for a request that an adapter makes. One that can be replayed may be given
    /// a credential under suspicion, to find out whether it still works.
    pub(crate) fn acquire(&self, replayable: bool) -> Get {
        let _ = (self, replayable);
        self.get()
    }

    /// [`get`](Self::get) after this generation was refused: another one if there is one or one
    /// comes, otherwise the same again, which is not worth a second sending.
    pub(crate) fn get_other_than(&self, generation: u64) -> Get {
        let _ = generation;
        self.get()
    }

    /// The credential in hand if it is usable, without waiting. Starts a renewal if one is due.
    pub fn try_get(&self) -> Option<Credential> {
        self.with_current(|current| current.credential.clone())
    }

    /// Reads the current credential in place, which copies nothing.
    #[inline]
    pub(crate) fn with_current<T>(&self, read: impl FnOnce(&Current) -> T) -> Option<T> {
        let slot = self.shared.slot.load();
        let current = slot.as_deref()?;
        if matches!(current.usable(&self.shared.clock)?, Usable::Due) {
            self.renew();
        }
        Some(read(current))
    }

    #[cold]
    fn get_slow(&self) -> Get {
        let runtime = match Handle::try_current() {
            Ok(runtime) => runtime,
            Err(error) => return Get::ready(Err(no_runtime(error))),
        };
        let version = self.shared.source.version();
        let mut state = self.shared.lock();
        let now = self.shared.clock.now();
        match state.machine.wanted(now, version) {
            Wanted::Use(current) => Get::ready(Ok(current.credential.clone())),
            Wanted::Fail(error) => Get::ready(Err(error)),
            Wanted::UseAndRenew(current, flight) => {
                drop(self.start(&runtime, state, flight, Reason::Ahead, version));
                Get::ready(Ok(current.credential.clone()))
            }
            Wanted::Fetch(flight, reason) => {
                let outcome = self.start(&runtime, state, flight, reason, version);
                self.wait_for(flight, outcome)
            }
            Wanted::Wait => match &state.flight {
                Some(flight) => {
                    let (number, outcome) = (flight.number, flight.outcome.clone());
                    drop(state);
                    self.wait_for(number, outcome)
                }
                // Unreachable by invariant 1 of the machine; an error is better than a panic.
                None => Get::ready(Err(Error::interrupted("the fetch under way got lost"))),
            },
        }
    }

    /// Starts a renewal ahead if the machine agrees; nobody waits for it.
    #[cold]
    fn renew(&self) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let version = self.shared.source.version();
        let mut state = self.shared.lock();
        let now = self.shared.clock.now();
        match state.machine.wanted(now, version) {
            Wanted::UseAndRenew(_, flight) => {
                drop(self.start(&runtime, state, flight, Reason::Ahead, version));
            }
            // It ended or was rejected in this very moment.
            Wanted::Fetch(flight, reason) => {
                drop(self.start(&runtime, state, flight, reason, version));
            }
            Wanted::Use(_) | Wanted::Wait | Wanted::Fail(_) => {}
        }
    }

    /// Says that a server refused this credential.
    ///
    /// It is dropped only if it is still the current one: a hundred rejections of one generation
    /// cost one fetch, a late one of an old generation costs none. One that was itself fetched
    /// because of a rejection is kept, and such fetches are spaced out until an answer
    /// [accepts](Self::accept) one.
    pub fn reject(&self, credential: &Credential, challenges: &Challenges) -> Rejection {
        self.reject_generation(credential.generation(), challenges)
    }

    /// [`reject`](Self::reject) by the number alone, as an [`Attempt`](crate::Attempt) names it.
    pub fn reject_generation(&self, generation: u64, challenges: &Challenges) -> Rejection {
        let mut state = self.shared.lock();
        let now = self.shared.clock.now();
        let rejection = state.machine.rejected(now, generation);
        if rejection == Rejection::Suspected {
            state.challenges = challenges.clone();
            self.shared.slot.store(None);
            self.shared.counters.rejections.add();
        }
        drop(state);
        tracing::debug!(target: "hallpass", source = %self.shared.description.name, generation, ?rejection, "rejected");
        rejection
    }

    /// Says that a server accepted this credential, which ends the spacing out of fetches that
    /// rejections cause. Adapters do this for the first answer after a rejection.
    pub fn accept(&self, credential: &Credential) {
        self.accept_generation(credential.generation());
    }

    pub(crate) fn accept_generation(&self, generation: u64) {
        self.shared.lock().machine.accepted(generation);
    }

    /// What it has done so far, and what it holds.
    pub fn stats(&self) -> Stats {
        let counters = &self.shared.counters;
        let now = self.shared.clock.now();
        let slot = self.shared.slot.load();
        let usable = slot
            .as_deref()
            .filter(|current| !current.unusable.passed(now));
        Stats {
            fetches: counters.fetches.get(),
            failures: counters.failures.get(),
            rejections: counters.rejections.get(),
            replays: counters.replays.get(),
            waits: counters.waits.get(),
            withheld: counters.withheld.get(),
            generation: usable.map(Current::generation),
            left: usable
                .filter(|current| current.ends())
                .map(|current| current.unusable.left(now)),
        }
    }

    /// What the source says of itself.
    pub fn description(&self) -> &Description {
        &self.shared.description
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// The origin that it is bound to by its first use, if there was one.
    pub(crate) fn bound_to(&self) -> &[Origin] {
        self.shared
            .first_used
            .get()
            .map_or(&[], std::slice::from_ref)
    }

    /// The origin that it is bound to by its first use; this one, if there was none.
    pub(crate) fn first_used(&self, origin: impl FnOnce() -> Origin) -> &Origin {
        self.shared.first_used.get_or_init(origin)
    }
}

impl<S: CredentialSource> From<S> for Cached {
    fn from(source: S) -> Self {
        Self::new(source)
    }
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("source", &self.shared.description.name)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

fn no_runtime(_: TryCurrentError) -> Error {
    Error::interrupted("no tokio runtime to fetch a credential on: call from within one")
}

impl Shared {
    /// The lock is held for a few instructions and never over user code or an `await`.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
