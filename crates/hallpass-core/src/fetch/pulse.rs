//! [`Pulse`]: whether a fetch is alive, and whether anybody waits for it.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::sync::{AtomicBool, Handle, Id, Instant, Notify};

/// A fetch without a sign of life for so long runs on a runtime that stands still.
const LIFELESS: Duration = Duration::from_secs(2);

/// The same, if whoever looks runs on the runtime of the fetch. That one does not stand still, and may
/// just be busy. But one of its threads may be blocked, and have the fetch in its queue.
const STUCK: Duration = Duration::from_secs(10);

/// Signs of life of a fetch, and whether it was given up.
#[derive(Debug)]
pub(crate) struct Pulse {
    started: Instant,
    /// Milliseconds after `started`.
    beat: AtomicU64,
    given_up: AtomicBool,
    runtime: OnceLock<Id>,
    /// Since when what is left over of it has been told to make room.
    needed: OnceLock<Instant>,
    leave: Notify,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            beat: AtomicU64::new(0),
            given_up: AtomicBool::new(false),
            runtime: OnceLock::new(),
            needed: OnceLock::new(),
            leave: Notify::new(),
        }
    }

    /// How long ago the fetch has begun.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Shows that the runtime of the fetch is driven.
    pub(crate) fn beat(&self) {
        let passed = self.age().as_millis() as u64;
        self.beat.store(passed, Ordering::Relaxed);
    }

    /// Names the runtime that is to drive the fetch.
    pub(crate) fn runs_on(&self, runtime: &Handle) {
        let _ = self.runtime.set(runtime.id());
    }

    /// Whether it has given no sign of life for too long, as seen from here. What is left of one that
    /// was given up gives none.
    pub(crate) fn is_lifeless(&self) -> bool {
        let beat = Duration::from_millis(self.beat.load(Ordering::Relaxed));
        let silence = self.age().saturating_sub(beat);
        silence > LIFELESS && (silence > STUCK || self.is_given_up() || !self.runs_here())
    }

    fn runs_here(&self) -> bool {
        let here = Handle::try_current().map(|here| here.id());
        here.is_ok_and(|here| self.runtime.get() == Some(&here))
    }

    /// Nobody waits for it any more.
    pub(crate) fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
    }

    /// Since when others have needed the place of what is left over, and whether that is since now.
    pub(crate) fn needed_since(&self) -> (Instant, bool) {
        let mut first = false;
        let since = *self.needed.get_or_init(|| {
            first = true;
            Instant::now()
        });
        (since, first)
    }

    /// Wakes whoever is left over. Not to be called under a lock.
    pub(crate) fn make_room(&self) {
        self.leave.notify_waiters();
    }

    /// Ends once others need the place.
    pub(crate) async fn needed(&self) {
        // Made before the look, so that it misses nothing in between.
        let leave = self.leave.notified();
        if self.needed.get().is_none() {
            leave.await;
        }
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }
}

#[cfg(all(test, not(hallpass_model)))]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn how_long_a_silence_may_last_depends_on_who_hears_it() {
        let [own, elsewhere, given_up] = [(); 3].map(|()| Pulse::new());
        own.runs_on(&Handle::current());
        given_up.runs_on(&Handle::current());
        given_up.give_up();
        for (passed, expected) in [
            (2, [false, false, false]),
            (1, [false, true, true]),
            (7, [false, true, true]),
            (1, [true, true, true]),
        ] {
            tokio::time::advance(Duration::from_secs(passed)).await;
            let lifeless = [&own, &elsewhere, &given_up].map(Pulse::is_lifeless);
            assert_eq!(lifeless, expected, "{:?}", own.age());
        }
        own.beat();
        assert!(!own.is_lifeless());
    }
}
