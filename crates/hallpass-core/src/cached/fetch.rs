//! One fetch: a task of its own that serves everybody who waits, and always ends.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tracing::Instrument as _;

use super::{Shared, attempts::Attempts, state::Brought};
use crate::{
    Challenges, Credential, Error, Fetch, Reason,
    credential::Life,
    fetch::Pulse,
    observe::Event,
    sync::{AbortHandle, Handle, MissedTickBehavior, deadline_after, interval, timeout},
};

/// How often a pending fetch shows that its runtime is driven.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// The pending fetch, as those who wait for it see it.
#[derive(Debug)]
pub(super) struct FetchHandle {
    number: u64,
    pulse: Arc<Pulse>,
    task: Option<AbortHandle>,
}

impl FetchHandle {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn is_lifeless(&self) -> bool {
        self.pulse.is_lifeless()
    }

    /// Ends the fetch wherever it stands, without an outcome.
    pub(super) fn give_up(self) {
        self.pulse.give_up();
        if let Some(task) = self.task {
            task.abort();
        }
    }
}

/// Why a fetch begins, and in place of what.
pub(super) struct Circumstances {
    pub(super) reason: Reason,
    pub(super) challenges: Challenges,
    pub(super) replaces: Option<Credential>,
}

/// A fetch that the machine has begun and that has no task yet.
pub(super) struct Begun {
    guard: CompletionGuard,
    circumstances: Circumstances,
}

impl Shared {
    /// Guards a fetch as soon as the machine has begun it: from now on it always ends. Called under
    /// the lock, so it runs nobody's code.
    pub(super) fn guard_fetch(
        self: &Arc<Self>,
        number: u64,
        version: u64,
        circumstances: Circumstances,
    ) -> (Begun, FetchHandle) {
        let pulse = Arc::new(Pulse::new());
        let handle = FetchHandle {
            number,
            pulse: Arc::clone(&pulse),
            task: None,
        };
        let guard = CompletionGuard {
            shared: Arc::clone(self),
            reason: circumstances.reason,
            number,
            version,
            pulse,
            done: false,
        };
        let begun = Begun {
            guard,
            circumstances,
        };
        (begun, handle)
    }

    /// Starts the task of a fetch that was begun. Must be called without the lock, which the guard
    /// takes if the runtime is shutting down and drops the task at once.
    pub(super) fn spawn_fetch(self: &Arc<Self>, runtime: &Handle, begun: Begun) {
        self.counters.fetches.add();
        let number = begun.guard.number;
        let span = tracing::debug_span!(
            target: "hallpass", parent: None, "fetch",
            source = %self.description.name, reason = ?begun.circumstances.reason
        );
        begun.guard.pulse.runs_on(runtime);
        let task = runtime.spawn(run_fetch(begun).instrument(span));
        let mut state = self.lock();
        if let Some(handle) = &mut state.pending
            && handle.number == number
        {
            handle.task = Some(task.abort_handle());
        }
    }
}

/// Runs the source. Whatever ends this future, the guard tells those who wait.
async fn run_fetch(begun: Begun) {
    let Begun {
        guard,
        circumstances,
    } = begun;
    let Circumstances {
        reason,
        challenges,
        replaces,
    } = circumstances;
    let shared = Arc::clone(&guard.shared);
    let limit = shared.policy.fetch_deadline;
    let pulse = Arc::clone(&guard.pulse);
    let deadline = deadline_after(limit);
    let new_fetch = |attempt| {
        let clock = shared.clock.clone();
        Fetch::new(reason, challenges.clone(), limit, clock)
            .in_place_of(replaces.clone())
            .until(deadline)
            .watched(Arc::clone(&pulse), attempt)
    };
    tracing::debug!(target: "hallpass", "fetch started");
    let attempts = Attempts::new(&shared, &new_fetch, &pulse, guard.version);
    let attempts = with_heartbeat(&guard.pulse, attempts.run());
    let ended = timeout(limit, attempts).await;
    let (outcome, rest) = ended.unwrap_or_else(|_| {
        let late = format!(
            "no credential from {} within {} s",
            shared.description.name,
            limit.as_secs_f64()
        );
        (Err(Error::timeout(late)), None)
    });
    guard.complete(outcome);
    // What the other attempt has asked for already is read, but it asks no more.
    pulse.give_up();
    if let Some(rest) = rest
        && let Ok(Ok(spare)) = timeout(limit, rest).await
    {
        shared.note_headers(&spare.credential);
        shared.with_machine(|machine| machine.keep_spare(spare));
    }
}

async fn with_heartbeat<T>(pulse: &Pulse, future: impl Future<Output = T>) -> T {
    let mut ticks = interval(HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut future = std::pin::pin!(future);
    loop {
        tokio::select! {
            biased;
            outcome = &mut future => return outcome,
            _ = ticks.tick() => pulse.beat(),
        }
    }
}

/// Ends its fetch exactly once: with an outcome, or as interrupted when it is dropped without one.
struct CompletionGuard {
    shared: Arc<Shared>,
    reason: Reason,
    number: u64,
    version: u64,
    pulse: Arc<Pulse>,
    done: bool,
}

impl CompletionGuard {
    fn complete(mut self, outcome: Result<Brought, Error>) {
        self.finish(outcome);
    }

    fn finish(&mut self, outcome: Result<Brought, Error>) {
        self.done = true;
        let shared = &self.shared;
        let random = fastrand::f64();
        let now = shared.clock.now();
        let (number, version) = (self.number, self.version);
        match outcome {
            Ok(brought) => {
                shared.note_headers(&brought.credential);
                let landed = shared.with_state(|state| {
                    state.pending.take_if(|pending| pending.number == number);
                    state.machine.landed(now, number, brought, random)
                });
                if let Some(credential) = landed {
                    shared.log_success(&credential);
                    self.tell(None);
                }
            }
            Err(error) => {
                let waiting = shared.waiting.load(Ordering::Relaxed) > 0;
                let failed = shared.with_state(|state| {
                    state.pending.take_if(|pending| pending.number == number);
                    let machine = &mut state.machine;
                    machine.failed(now, number, &error, version, waiting, random)
                });
                if failed.is_some() {
                    shared.log_failure(&error);
                    self.tell(Some(&error));
                }
            }
        }
    }
}

impl CompletionGuard {
    fn tell(&self, error: Option<&Error>) {
        self.shared.tell(|| Event::Fetched {
            reason: self.reason,
            duration: self.pulse.age(),
            error,
        });
    }
}

impl Drop for CompletionGuard {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let error = if std::thread::panicking() {
            Error::transient("the fetch of a credential panicked")
        } else {
            Error::interrupted("the fetch of a credential was dropped with its runtime")
        };
        // A clock or a subscriber that panics here would abort the process.
        let finish = catch_unwind(AssertUnwindSafe(|| self.finish(Err(error))));
        drop(finish);
    }
}

impl Shared {
    fn log_success(&self, credential: &Credential) {
        let generation = credential.generation();
        tracing::debug!(target: "hallpass", generation, "fetch finished");
        if credential.life() == Life::Unknown {
            self.warned.call_once(|| {
                tracing::warn!(target: "hallpass", source = %self.description.name, "nothing says how long the credential lives; assuming the default");
            });
        }
    }

    fn log_failure(&self, error: &Error) {
        self.counters.failures.add();
        let causes: Vec<_> = error.known_causes().collect();
        let cause = (!causes.is_empty()).then(|| causes.join(": "));
        tracing::warn!(
            target: "hallpass", source = %self.description.name, %error, cause,
            permanent = error.is_permanent(), "fetch failed"
        );
    }
}
