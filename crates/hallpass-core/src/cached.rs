//! [`Cached`]: one credential, kept fresh.

mod attempts;
mod backoff;
mod builder;
mod changes;
mod current;
mod eviction;
mod fetch;
mod get;
#[cfg(all(test, hallpass_model))]
mod model;
mod policy;
mod runtime;
mod state;
mod warm;

use std::{
    fmt,
    sync::{
        Arc, Once, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize},
    },
    time::Duration,
};

use http::HeaderName;

pub use self::{builder::Builder, get::Get, policy::Policy, state::Rejection, warm::KeepWarm};
use self::{
    changes::Changes,
    fetch::{Circumstances, FetchHandle},
    get::Request,
    state::{Machine, Want, Wanted},
};
pub(crate) use self::{
    current::{Current, Usable},
    state::Memory,
};
use crate::{
    Challenges, Credential, CredentialSource, Description, Moment, Origin, Reason,
    clock::Clocks,
    fetch::FetchLimit,
    observe::{Event, Observer, ReplayCause, Watch},
    source::AnySource,
    stats::Counters,
    sync::{ArcSwapOption, Handle, Mutex, MutexGuard},
};
pub use crate::{fetch::FETCH_DEADLINE, stats::Stats};

/// Owns a [`CredentialSource`] and keeps one credential fresh. Clones share it.
///
/// - While the credential is fresh, [`get`](Self::get) is one lock-free load.
/// - When its end comes near, the next caller starts a renewal in the background; every caller
///   goes on with the present one. A failed renewal never displaces it.
/// - When there is none, exactly one fetch runs, however many callers wait. It is a task of its
///   own: a caller that goes away only stops waiting. All share what comes of it.
/// - A transient failure is waited out within the caller's [patience](Policy::patience).
/// - A [refusal](Self::reject) is a suspicion: the credential is replaced, and serves on if no
///   replacement can be had or others still accept it.
///
/// An idle one costs nothing: there is no timer and no task. [How it works](crate::docs::engine)
/// tells what every event does to the credential, the request and the other callers, and
/// [Runtimes](crate::docs::runtimes) where a fetch runs.
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
    source: Box<dyn AnySource>,
    description: Description,
    policy: Arc<Policy>,
    clock: Clocks,
    /// What the machine lets everybody take, for readers without the lock.
    slot: ArcSwapOption<Current>,
    state: Mutex<State>,
    /// Tells those who wait to look again.
    changes: Changes,
    /// How many wait.
    waiting: AtomicUsize,
    /// Where its fetches queue up, if it shares an endpoint with many others.
    fetch_limit: OnceLock<Arc<FetchLimit>>,
    /// How many milliseconds the last answer took.
    answered_in: AtomicU64,
    /// Whether the runtime for fetches was named, and is not the caller's.
    named_runtime: bool,
    counters: Counters,
    /// The origin of the first request that used it, where none is configured.
    first_used: OnceLock<Origin>,
    /// Whether it has been said that a lifetime is unknown.
    warned: Once,
    warm: warm::Warmth,
    observer: Option<Arc<dyn Observer>>,
}

struct State {
    machine: Machine,
    pending: Option<FetchHandle>,
    /// What the server said when it refused the last credential; the next fetch is told.
    challenges: Challenges,
    /// The runtime for callers that have none.
    runtime: Option<Handle>,
    /// Headers that its credentials had and the source did not announce.
    unannounced: Vec<HeaderName>,
}

impl Cached {
    /// Keeps what this source brings, with the default [`Policy`].
    pub fn new(source: impl CredentialSource) -> Self {
        Builder::new(source).build()
    }

    /// To change the policy, the clock, or the runtime.
    pub fn builder(source: impl CredentialSource) -> Builder {
        Builder::new(source)
    }

    /// A fresh credential: at once if there is one, else after the fetch that is under way or that
    /// the first poll starts. Nothing is decided before that poll.
    ///
    /// # Errors
    /// What the fetch failed with: a permanent failure at once and for as long as it is remembered,
    /// a transient one when no other attempt begins within the [patience](Policy::patience). If
    /// there never was a tokio runtime to run a fetch on, an error that says so.
    ///
    /// # Cancel safety
    /// Dropping the future only stops the waiting. The fetch goes on and serves others.
    pub fn get(&self) -> Get {
        Get::new(self, Request::ANY)
    }

    /// [`get`](Self::get) with a limit of the caller's own, which is also its patience.
    ///
    /// # Errors
    /// As `get`, and a [timeout](crate::Error::is_timeout) after `limit` if there is none by then. One that
    /// was refused and has found no replacement so far is there.
    ///
    /// # Cancel safety
    /// As `get`.
    pub fn get_within(&self, limit: Duration) -> Get {
        let limit = Some(limit);
        Get::new(
            self,
            Request {
                limit,
                ..Request::ANY
            },
        )
    }

    /// Renews now, whatever is in hand, and waits for what comes of it: after a change that only
    /// the caller knows of. A fetch that is under way already serves as well.
    ///
    /// # Errors
    /// What the fetch failed with. The credential in hand stays then.
    ///
    /// # Cancel safety
    /// As [`get`](Self::get).
    pub fn renew(&self) -> Get {
        let anew = true;
        Get::new(
            self,
            Request {
                anew,
                ..Request::ANY
            },
        )
    }

    /// [`get`](Self::get) for a request that an adapter makes. One that can be replayed may be given
    /// a credential under suspicion, to find out whether it still works.
    pub(crate) fn acquire(&self, replayable: bool) -> Get {
        Get::new(
            self,
            Request {
                replayable,
                ..Request::ANY
            },
        )
    }

    /// [`get`](Self::get) after this generation was refused: another one if there is one or one
    /// comes, otherwise the same again, which is not worth a second sending.
    pub(crate) fn get_other_than(&self, generation: u64) -> Get {
        let other_than = Some(generation);
        Get::new(
            self,
            Request {
                other_than,
                ..Request::ANY
            },
        )
    }

    /// The credential in hand if it is usable, without waiting. Starts a renewal if one is due.
    pub fn try_get(&self) -> Option<Credential> {
        if let Some(credential) = self.with_current(|current| current.credential.clone()) {
            return Some(credential);
        }
        let now = self.shared.clock.now();
        let state = self.shared.lock();
        let current = state.machine.in_hand(now).cloned();
        drop(state);
        current.map(|current| current.credential.clone())
    }

    /// Reads the current credential in place, which copies nothing.
    #[inline]
    pub(crate) fn with_current<T>(&self, read: impl FnOnce(&Current) -> T) -> Option<T> {
        let slot = self.shared.slot.load();
        let current = slot.as_deref()?;
        if matches!(current.usable(&self.shared.clock)?, Usable::Due) {
            self.renew_ahead();
        }
        Some(read(current))
    }

    /// The generation of a credential in hand for which this holds, if it could be given to anybody.
    #[cold]
    pub(crate) fn in_hand_where(&self, holds: impl Fn(&Credential) -> bool) -> Option<u64> {
        let state = self.shared.lock();
        let mut all = state.machine.all();
        all.find(|current| holds(&current.credential))
            .map(|current| current.generation())
    }

    /// Starts a renewal ahead if the machine agrees; nobody waits for it.
    #[cold]
    fn renew_ahead(&self) {
        let runtime = self.shared.runtime();
        let _ = self.shared.step(runtime.as_ref(), &Want::NOTHING);
    }

    /// Says that a server refused this credential.
    ///
    /// A hundred refusals of one generation cost one fetch, a late one of an old generation costs
    /// none. What becomes of the credential [depends on what is known of it](crate::docs::engine).
    pub fn reject(&self, credential: &Credential, challenges: &Challenges) -> Rejection {
        self.reject_generation(credential.generation(), challenges)
    }

    /// [`reject`](Self::reject) by the number alone, as an [`Attempt`](crate::Attempt) names it.
    pub fn reject_generation(&self, generation: u64, challenges: &Challenges) -> Rejection {
        self.refuse(generation, challenges, |machine, now, version| {
            machine.refused(now, generation, version)
        })
    }

    /// [`reject_generation`](Self::reject_generation) of a credential that the same answer had
    /// accepted before: it is replaced, but an endpoint that does so always is not followed for ever.
    pub(crate) fn reject_accepted(&self, generation: u64, challenges: &Challenges) {
        if self.reject_generation(generation, challenges) == Rejection::Suspected {
            let now = self.shared.clock.now();
            self.shared
                .with_machine(|machine| machine.contradicted(now));
        }
    }

    /// Says that a server refused this credential on a request that carried it in place of another
    /// that was refused. If it was fetched for that, it is taken from nobody.
    pub(crate) fn replacement_refused(
        &self,
        generation: u64,
        challenges: &Challenges,
    ) -> Rejection {
        let rejection = self.refuse(generation, challenges, |machine, now, version| {
            machine.replay_refused(now, generation, version)
        });
        if rejection == Rejection::Kept {
            tracing::debug!(target: "hallpass", source = %self.shared.description.name, generation, "the replacement was rejected too");
        }
        rejection
    }

    fn refuse(
        &self,
        generation: u64,
        challenges: &Challenges,
        change: impl FnOnce(&mut Machine, Moment, u64) -> Rejection,
    ) -> Rejection {
        let now = self.shared.clock.now();
        let version = self.shared.source.version();
        let rejection = self.shared.with_state(|state| {
            let rejection = change(&mut state.machine, now, version);
            if rejection == Rejection::Suspected {
                state.challenges = challenges.clone();
            }
            rejection
        });
        if rejection == Rejection::Suspected {
            // The replacement is fetched at once, whether or not anybody asks for it.
            let runtime = self.shared.runtime();
            let want = Want {
                other_than: Some(generation),
                ..Want::NOTHING
            };
            if self.shared.step(runtime.as_ref(), &want).1 {
                self.shared.counters.rejections.add();
                self.shared.tell(|| Event::Rejected);
            }
        }
        tracing::debug!(target: "hallpass", source = %self.shared.description.name, generation, ?rejection, "rejected");
        rejection
    }

    /// Says that a server accepted this credential: the only thing that proves it. Adapters do this
    /// for a new credential's first good answer, and after a refusal.
    pub fn accept(&self, credential: &Credential) {
        self.accept_generation(credential.generation());
    }

    /// [`accept`](Self::accept) by the number alone.
    pub fn accept_generation(&self, generation: u64) {
        let now = self.shared.clock.now();
        self.shared
            .with_machine(|machine| machine.accepted(now, generation));
    }

    /// What it has done so far, and what it holds.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Remembers the tokio runtime that the caller is in, if it is in one, for fetches that plain
    /// threads ask for. A `Cached` that is built or asked for a credential on a runtime does so by
    /// itself.
    pub fn remember_runtime(&self) {
        self.shared.runtime();
    }

    /// What the source says of itself.
    pub fn description(&self) -> &Description {
        &self.shared.description
    }

    /// The names of all headers that its credentials go in, as far as they are known by now.
    pub(crate) fn header_names(&self) -> Vec<HeaderName> {
        let announced = self.shared.description.header_names().cloned();
        let mut names: Vec<_> = announced.collect();
        names.extend(self.shared.lock().unannounced.iter().cloned());
        names
    }

    /// Counts a request that is sent again.
    pub(crate) fn replayed(&self, cause: ReplayCause) {
        self.shared.counters.replays.add();
        self.shared.tell(|| Event::Replayed { cause });
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

impl Watch for Shared {
    fn stats(&self) -> Stats {
        let counters = &self.counters;
        let now = self.clock.now();
        let slot = self.slot.load();
        let in_hand = match &*slot {
            Some(current) => Some(Arc::clone(current)),
            None => self.lock().machine.in_hand(now).cloned(),
        };
        let usable = in_hand
            .as_deref()
            .filter(|current| !current.end.passed(now));
        Stats {
            fetches: counters.fetches.get(),
            failures: counters.failures.get(),
            rejections: counters.rejections.get(),
            replays: counters.replays.get(),
            waits: counters.waits.get(),
            withheld: counters.withheld.get(),
            generation: usable.map(Current::generation),
            time_left: usable
                .filter(|current| current.ends())
                .map(|current| current.unusable.left(now)),
        }
    }
}

impl Shared {
    /// The lock is held for a few instructions and never over user code or an `await`.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the observer, if there is one. Never under the lock, for it is the user's.
    fn tell<'a>(&self, event: impl FnOnce() -> Event<'a>) {
        if let Some(observer) = &self.observer {
            observer.observe(&self.description.name, &event());
        }
    }

    /// Changes the state, publishes what comes of it, and wakes those who wait if it concerns them:
    /// a thousand refusals would else wake a thousand callers a thousand times.
    fn with_state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let before = state.machine.situation();
        let outcome = change(&mut state);
        let concerns_them = state.machine.situation() != before;
        let replaced = self.publish(&state.machine);
        let discarded = state.machine.discarded();
        drop(state);
        // Outside the lock: the last copy of an error or a clock may be the user's to drop.
        drop((replaced, discarded));
        if concerns_them {
            self.changes.tell();
        }
        outcome
    }

    /// Remembers which headers a credential has, for as long as this lives: a request may outlast
    /// the credential.
    fn note_headers(&self, credential: &Credential) {
        let announced = &self.description;
        let new = |name: &&HeaderName| announced.header_names().all(|known| known != *name);
        // Outside the lock: a proof, which is the user's, is asked for its header.
        let names: Vec<_> = credential.own_names().filter(new).cloned().collect();
        if names.is_empty() {
            return;
        }
        let known = &mut self.lock().unannounced;
        for name in names {
            if !known.contains(&name) {
                known.push(name);
            }
        }
    }

    fn with_machine<T>(&self, change: impl FnOnce(&mut Machine) -> T) -> T {
        self.with_state(|state| change(&mut state.machine))
    }

    /// Brings the slot up to date; returns what it held.
    fn publish(&self, machine: &Machine) -> Option<Arc<Current>> {
        let visible = machine.visible();
        let same = match (&*self.slot.load(), visible) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        if same {
            return None;
        }
        self.slot.swap(visible.cloned())
    }

    /// What a caller is to do, and whether it has started a fetch.
    fn step(self: &Arc<Self>, runtime: Option<&Handle>, want: &Want) -> (Wanted, bool) {
        let version = self.source.version();
        let now = self.clock.now();
        let mut state = self.lock();
        let Some(runtime) = runtime else {
            // Nothing can be started from here.
            let wanted = match state.machine.in_hand(now) {
                Some(current) if want.other_than != Some(current.generation()) => {
                    Wanted::Use(Arc::clone(current))
                }
                _ => Wanted::Wait(None),
            };
            return (wanted, false);
        };
        let step = state.machine.wanted(now, version, want);
        let fetch = step.begin.map(|(number, reason)| {
            let challenges = match reason {
                Reason::Rejected => state.challenges.clone(),
                _ => Challenges::default(),
            };
            let replaces = state.machine.replaced().cloned();
            let circumstances = Circumstances {
                reason,
                challenges,
                replaces,
            };
            let (begun, handle) = self.guard_fetch(number, version, circumstances);
            (begun, state.pending.replace(handle))
        });
        let replaced = self.publish(&state.machine);
        let discarded = state.machine.discarded();
        drop(state);
        drop((replaced, discarded));
        self.warm_on(runtime);
        let starts = fetch.is_some();
        if let Some((begun, old)) = fetch {
            // Its deadline has long passed, or the machine would not have begun another.
            if let Some(old) = old {
                old.give_up();
            }
            self.spawn_fetch(runtime, begun);
        }
        (step.wanted, starts)
    }
}
