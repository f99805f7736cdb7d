//! [`Cached::keep_warm`]: renewal without callers, for those who want it.

use std::{
    future::{Future as _, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use super::{Cached, Shared};
use crate::{Error, sync::Handle};

/// The longest sleep between two looks: a suspended machine and a clock that is set are noticed
/// within it.
const LONGEST: Duration = Duration::from_secs(30);

/// The shortest: a renewal that has just failed is not tried in a loop.
const SHORTEST: Duration = Duration::from_secs(1);

/// Between two looks at a credential that was over when it came: it can't be kept warm.
const HOPELESS: Duration = Duration::from_secs(60);

/// Whether somebody wants this to be kept warm, and whether a task does it.
#[derive(Debug, Default)]
pub(super) struct Warmth {
    wanted: AtomicUsize,
    runs: AtomicBool,
}

impl Warmth {
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire) > 0
    }
}

/// Keeps a [`Cached`] warm until it is dropped.
#[must_use = "dropping it ends the task"]
pub struct KeepWarm {
    shared: Weak<Shared>,
}

impl Drop for KeepWarm {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.warm.wanted.fetch_sub(1, Ordering::AcqRel);
            shared.changes.tell();
        }
    }
}

impl std::fmt::Debug for KeepWarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeepWarm").finish_non_exhaustive()
    }
}

impl Cached {
    /// Starts a task that fetches the first credential now and renews it whenever it is due, so
    /// that not even the first caller after a quiet hour waits. It is woken by a refusal, and looks
    /// every half minute whether the source or the clock has changed.
    ///
    /// The task ends with the returned guard, or when the last clone of this `Cached` is gone. If
    /// its runtime ends first, it goes on with the next caller's.
    ///
    /// # Errors
    /// If there is no tokio runtime to run the task on.
    pub fn keep_warm(&self) -> Result<KeepWarm, Error> {
        let runtime = self.shared.runtime().ok_or_else(super::get::no_runtime)?;
        self.shared.warm.wanted.fetch_add(1, Ordering::AcqRel);
        let guard = KeepWarm {
            shared: Arc::downgrade(&self.shared),
        };
        self.shared.warm_on(&runtime);
        Ok(guard)
    }
}

impl Shared {
    /// Starts the task if it is wanted and does not run.
    pub(super) fn warm_on(self: &Arc<Self>, runtime: &Handle) {
        if self.warm.is_wanted() && !self.warm.runs.swap(true, Ordering::AcqRel) {
            let running = Running {
                shared: Arc::downgrade(self),
                ended: false,
            };
            drop(runtime.spawn(run(running)));
        }
    }
}

/// Says that the task is gone once it is, however it ended.
struct Running {
    shared: Weak<Shared>,
    ended: bool,
}

impl Running {
    /// Ends, unless a guard was given out meanwhile that has relied on this task.
    fn may_end(&mut self, shared: &Shared) -> bool {
        let warm = &shared.warm;
        warm.runs.swap(false, Ordering::AcqRel);
        self.ended = !warm.is_wanted() || warm.runs.swap(true, Ordering::AcqRel);
        self.ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended
            && let Some(shared) = self.shared.upgrade()
        {
            shared.warm.runs.store(false, Ordering::Release);
        }
    }
}

async fn run(mut running: Running) {
    let mut news = false;
    loop {
        let Some(shared) = running.shared.upgrade() else {
            return;
        };
        if !shared.warm.is_wanted() && running.may_end(&shared) {
            return;
        }
        let cached = Cached { shared };
        let mut changes = cached.shared.changes.subscribe();
        let pause = {
            let mut look = pin!(cached.look(news));
            // A source that panics when it is asked for its version must not end the task.
            let poll = |context: &mut Context<'_>| {
                let polled = catch_unwind(AssertUnwindSafe(|| look.as_mut().poll(context)));
                polled.unwrap_or(Poll::Ready(LONGEST))
            };
            poll_fn(poll).await
        };
        let told = cached.shared.source.news();
        drop(cached);
        if pause == HOPELESS {
            // The look's own fetch is no reason to look again.
            changes.mark_unchanged();
        }
        // Whoever listens from the start misses nothing of what comes during the shortest rest.
        let woken = async {
            tokio::select! {
                () = told => true,
                () = changes.next() => false,
                () = tokio::time::sleep(pause) => false,
            }
        };
        (news, ()) = tokio::join!(woken, tokio::time::sleep(SHORTEST.min(pause)));
    }
}

impl Cached {
    /// One look at the credential; how long until the next. With `news`, somebody else has a newer one.
    async fn look(&self, news: bool) -> Duration {
        let version = self.shared.source.version();
        let now = self.shared.clock.now();
        let slot = self.shared.slot.load_full();
        let changed = slot.is_some_and(|current| current.version != version)
            && !self.shared.lock().machine.backs_off(now, version);
        let outcome = if changed || news {
            self.renew().await
        } else {
            // A suspect serves without a look at the machine, which may want to replace it.
            self.renew_ahead();
            self.get().await
        };
        match outcome {
            Ok(_) => {
                let now = self.shared.clock.now();
                let slot = self.shared.slot.load();
                let pause = slot.as_deref().map_or(SHORTEST, |current| {
                    if current.graced {
                        HOPELESS
                    } else {
                        current.due.left(now).min(LONGEST)
                    }
                });
                pause.max(SHORTEST)
            }
            Err(error) => {
                let asked = error.retry_after().unwrap_or(SHORTEST);
                asked.clamp(SHORTEST, LONGEST)
            }
        }
    }
}
