//! [`Clock`]: the two clocks that expiry is judged by, so that tests and simulations can bring theirs.

use std::time::Duration;

use tokio::time::Instant;

/// One reading of both clocks.
///
/// The monotonic one stops while a machine is suspended, the wall clock can be set: a deadline has
/// passed as soon as either says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Time on a clock that never goes back, from any fixed start.
    pub monotonic: Duration,
    /// Time since the Unix epoch.
    pub wall: Duration,
}

impl Moment {
    /// The same distance ahead on both clocks, as far as they can be represented.
    #[must_use]
    pub fn plus(self, delay: Duration) -> Self {
        Self {
            monotonic: self.monotonic.saturating_add(delay),
            wall: self.wall.saturating_add(delay),
        }
    }

    /// Whether this deadline has passed, by either clock.
    pub fn passed(self, now: Self) -> bool {
        now.monotonic >= self.monotonic || now.wall >= self.wall
    }

    /// What is left until this deadline by the clock that gets there first.
    pub fn left(self, now: Self) -> Duration {
        self.monotonic
            .saturating_sub(now.monotonic)
            .min(self.wall.saturating_sub(now.wall))
    }
}

/// A pair of clocks.
pub trait Clock: Send + Sync + 'static {
    /// Reads both.
    fn now(&self) -> Moment;
}

/// The machine's clocks. The monotonic one is tokio's, so paused tests move it.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts to count now.
    pub fn new() -> Self {
        let now = Instant::now();
        // Another runtime's paused clock may be behind this one; a month of room keeps it moving.
        let start = now
            .checked_sub(Duration::from_secs(30 * 24 * 3600))
            .unwrap_or(now);
        Self { start }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment {
            monotonic: Instant::now().saturating_duration_since(self.start),
            wall: wall(),
        }
    }
}

/// The wall clock as of the last tick, at most 10 ms ago: a fifth of the price of an exact reading,
/// and every request takes one.
#[cfg(target_os = "linux")]
fn wall() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let now = clock_gettime(ClockId::RealtimeCoarse);
    let nanos = u32::try_from(now.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(now.tv_sec).unwrap_or_default(), nanos)
}

#[cfg(not(target_os = "linux"))]
fn wall() -> Duration {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
}
