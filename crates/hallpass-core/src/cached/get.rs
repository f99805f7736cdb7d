//! [`Get`]: the future of [`Cached::get`](super::Cached::get), and how a caller waits.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Instant, Sleep},
};

use super::{
    Cached, Shared,
    changes::Subscription,
    state::{Want, Wanted},
};
use crate::{Credential, Error, fetch::FAR, observe::Event};

/// How often a waiting caller looks whether the fetch it waits for is still alive.
const LOOK: Duration = Duration::from_secs(1);

/// A fetch that shows no sign of life gets this long to show one once somebody looks: its runtime
/// may be the very one that has just begun to run again.
const SECOND_LOOK: Duration = Duration::from_millis(50);

/// Waits for a credential; ready at once, and without an allocation, if there is a fresh one.
#[must_use = "futures do nothing unless polled"]
pub struct Get(State);

enum State {
    /// Nothing is looked at or started before the first poll.
    Idle(Cached, Request),
    Waiting(Pin<Box<dyn Future<Output = Result<Credential, Error>> + Send>>),
    Done,
}

/// What a caller asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) other_than: Option<u64>,
    pub(super) anew: bool,
    pub(super) replayable: bool,
    /// How long it waits at all, if it says so.
    pub(super) limit: Option<Duration>,
}

impl Request {
    pub(super) const ANY: Self = Self {
        other_than: None,
        anew: false,
        replayable: false,
        limit: None,
    };
}

impl Get {
    pub(super) fn new(cached: &Cached, request: Request) -> Self {
        Self(State::Idle(cached.clone(), request))
    }

    /// Whether it had to wait for a fetch; known once it has been polled.
    pub fn waits(&self) -> bool {
        matches!(self.0, State::Waiting(_))
    }
}

impl Future for Get {
    type Output = Result<Credential, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let state = &mut self.get_mut().0;
        if let State::Idle(cached, request) = state {
            match cached.first_look(*request) {
                Ok(outcome) => {
                    *state = State::Done;
                    return Poll::Ready(outcome);
                }
                Err(waiter) => *state = State::Waiting(Box::pin(waiter.run())),
            }
        }
        match state {
            State::Waiting(future) => future.as_mut().poll(context),
            State::Idle(..) | State::Done => Poll::Pending,
        }
    }
}

impl fmt::Debug for Get {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get")
            .field("waits", &self.waits())
            .finish_non_exhaustive()
    }
}

/// One caller that waits.
struct Waiter {
    shared: Arc<Shared>,
    runtime: Handle,
    /// The runtime that it waits on itself, if that is another: time goes on there, even if nobody
    /// drives the one for fetches.
    here: Option<Handle>,
    request: Request,
    want: Want,
    changes: Subscription,
    patience_ends: Instant,
    /// When its own limit runs out.
    deadline: Option<Instant>,
    pause: Option<Duration>,
    since: Instant,
}

impl Cached {
    fn first_look(&self, request: Request) -> Result<Result<Credential, Error>, Box<Waiter>> {
        let plain = request.other_than.is_none() && !request.anew;
        if plain && let Some(credential) = self.with_current(|current| current.credential.clone()) {
            return Ok(Ok(credential));
        }
        let runtime = self.shared.runtime();
        // Before the look: a change between the two is not missed.
        let changes = self.shared.changes.subscribe();
        let ended = self.shared.lock().machine.ended();
        let policy = &self.shared.policy;
        let now = Instant::now();
        let patience = request.limit.unwrap_or(policy.patience);
        let want = Want {
            other_than: request.other_than,
            after: request.anew.then_some(ended),
            replayable: request.replayable,
            since: ended,
            patience,
        };
        let (wanted, _) = self.shared.step(runtime.as_ref(), &want);
        let pause = match wanted {
            Wanted::Use(current) => return Ok(Ok(current.credential.clone())),
            Wanted::Take(credential) => return Ok(Ok(credential)),
            Wanted::Fail(error) => return Ok(Err(error)),
            Wanted::Wait(pause) => pause,
        };
        let Some(runtime) = runtime else {
            return Ok(Err(no_runtime()));
        };
        let counted = self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        if counted >= policy.waiting_limit {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            return Ok(Err(Error::transient(format!(
                "{counted} callers wait for a credential already, and no more may"
            ))));
        }
        let waiter = Waiter {
            shared: Arc::clone(&self.shared),
            here: Handle::try_current()
                .ok()
                .filter(|here| here.id() != runtime.id()),
            runtime,
            request,
            want,
            changes,
            patience_ends: now + patience.min(FAR),
            deadline: request.limit.and_then(|limit| now.checked_add(limit)),
            pause,
            since: now,
        };
        waiter.shared.counters.waits.add();
        Err(Box::new(waiter))
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        let duration = self.since.elapsed();
        // An observer that panics while a task unwinds would abort the process.
        let tell = || self.shared.tell(|| Event::Waited { duration });
        drop(catch_unwind(AssertUnwindSafe(tell)));
    }
}

impl Waiter {
    /// Looks again after each change, and whenever time may have changed something.
    async fn run(mut self) -> Result<Credential, Error> {
        let mut suspicious = None;
        loop {
            if let Err(error) = self.wait(suspicious.is_some()).await {
                return self.last_resort().ok_or(error);
            }
            suspicious = self.shared.give_up_lifeless(suspicious);
            self.want.patience = self.patience_ends.saturating_duration_since(Instant::now());
            let (wanted, _) = self.shared.step(Some(&self.runtime), &self.want);
            match wanted {
                Wanted::Use(current) => return Ok(current.credential.clone()),
                Wanted::Take(credential) => return Ok(credential),
                Wanted::Fail(error) => return Err(error),
                Wanted::Wait(pause) => self.pause = pause,
            }
        }
    }

    /// Waits for a change, or until it is time to look again.
    async fn wait(&mut self, suspicious: bool) -> Result<(), Error> {
        let look = if suspicious { SECOND_LOOK } else { LOOK };
        let now = Instant::now();
        let mut until = now + self.pause.unwrap_or(look).min(look);
        if let Some(deadline) = self.deadline {
            if now >= deadline {
                return Err(self.too_late());
            }
            until = until.min(deadline);
        }
        let timer = self.timer(until)?;
        tokio::select! {
            () = self.changes.next() => Ok(()),
            outcome = timer => outcome,
        }
    }

    fn timer(&mut self, until: Instant) -> Result<Timer, Error> {
        if let Some(here) = &self.here {
            match Timer::new(here, until) {
                Ok(timer) => return Ok(timer),
                // Without timers: not asked again, because to ask is to catch a panic.
                Err(_) => self.here = None,
            }
        }
        Timer::new(&self.runtime, until)
    }

    /// Whoever can't wait any longer takes a credential under suspicion rather than none.
    fn last_resort(&self) -> Option<Credential> {
        if self.request.anew {
            return None;
        }
        let now = self.shared.clock.now();
        let suspect = self.shared.lock().machine.suspect_in_hand(now).cloned()?;
        let refused = self.request.other_than == Some(suspect.generation());
        (!refused).then(|| suspect.credential.clone())
    }

    fn too_late(&self) -> Error {
        let limit = self.request.limit.unwrap_or_default();
        Error::timeout(format!(
            "no credential from {} within {} s",
            self.shared.description.name,
            limit.as_secs_f64()
        ))
    }
}

impl Shared {
    /// Gives the pending fetch up if it shows no sign of life at the second look. `suspicious` is
    /// the fetch that showed none at the first.
    fn give_up_lifeless(&self, suspicious: Option<u64>) -> Option<u64> {
        let mut state = self.lock();
        let number = state
            .pending
            .as_ref()
            .filter(|pending| pending.is_lifeless())?
            .number();
        if suspicious != Some(number) {
            return Some(number);
        }
        let gone = state.pending.take();
        if state.machine.pending() == Some(number) {
            state.machine.lost();
        }
        drop(state);
        if let Some(gone) = gone {
            gone.give_up();
        }
        self.changes.tell();
        None
    }
}

/// A timer of a runtime, also for a caller outside it.
struct Timer(Pin<Box<Sleep>>);

impl Timer {
    fn new(runtime: &Handle, until: Instant) -> Result<Self, Error> {
        let guard = runtime.enter();
        // Tokio panics where a runtime was built without timers, and has no way to ask.
        let timer = catch_unwind(AssertUnwindSafe(|| tokio::time::sleep_until(until)));
        drop(guard);
        match timer {
            Ok(timer) => Ok(Self(Box::pin(timer))),
            Err(_) => Err(Error::configuration(
                "the tokio runtime has no timers: build it with enable_time() or enable_all()",
            )),
        }
    }
}

impl Future for Timer {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Tokio panics here once the timer's runtime has been shut down.
        let polled = catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context)));
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(Error::interrupted(
                "the tokio runtime that was last seen is gone: call from within another one",
            ))),
        }
    }
}

pub(super) fn no_runtime() -> Error {
    Error::interrupted(
        "no tokio runtime to fetch a credential on: call from within one once, or name one with Cached::builder(source).runtime(handle)",
    )
}
