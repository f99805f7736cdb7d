//! [`Pulse`]: whether a fetch is alive, and whether anybody waits for it.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// Without a sign of life for so long, its runtime stands still.
const LIFELESS: Duration = Duration::from_secs(2);

/// Signs of life of a fetch, and whether it was given up.
#[derive(Debug)]
pub(crate) struct Pulse {
    started: Instant,
    /// Milliseconds after `started`.
    beat: AtomicU64,
    given_up: AtomicBool,
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

    pub(crate) fn is_lifeless(&self) -> bool {
        let beat = Duration::from_millis(self.beat.load(Ordering::Relaxed));
        self.age().saturating_sub(beat) > LIFELESS
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
