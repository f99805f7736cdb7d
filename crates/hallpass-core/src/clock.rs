//! [`Clock`]: the two clocks that expiry is judged by, so that tests and simulations can bring theirs.

#[cfg(target_os = "linux")]
mod pausable;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

#[cfg(target_os = "linux")]
use self::pausable::PAUSABLE;

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

    /// The earlier of two deadlines, on each clock by itself.
    #[must_use]
    pub(crate) fn earlier(self, other: Self) -> Self {
        Self {
            monotonic: self.monotonic.min(other.monotonic),
            wall: self.wall.min(other.wall),
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
///
/// A [`Keyed`](crate::Keyed) may read it under the lock of a table, when it evicts a credential: it
/// must answer at once, and not ask that `Keyed` for anything.
pub trait Clock: Send + Sync + 'static {
    /// Reads both.
    fn now(&self) -> Moment;

    /// Both as of a moment ago, 10 ms at most: what every request asks for, and so to be cheap.
    fn just_now(&self) -> Moment {
        self.now()
    }
}

/// The machine's clocks in place, to be read without a detour, or somebody's own.
#[derive(Clone)]
pub(crate) enum Clocks {
    System(SystemClock),
    Own(Arc<dyn Clock>),
}

impl Clocks {
    pub(crate) fn system() -> Self {
        Self::System(SystemClock::new())
    }

    pub(crate) fn now(&self) -> Moment {
        match self {
            Self::System(clock) => clock.now(),
            Self::Own(clock) => clock.now(),
        }
    }

    pub(crate) fn just_now(&self) -> Moment {
        match self {
            Self::System(clock) => clock.just_now(),
            Self::Own(clock) => clock.just_now(),
        }
    }
}

/// The machine's clocks. The monotonic one is tokio's, so paused tests move it.
///
/// For requests, Linux is asked for the time of the kernel's last tick instead, at a third of the
/// price, but only where nobody can pause tokio's clock. That takes tokio's feature `test-util`: a
/// program that is built with it follows tokio's clock for requests as well, from the first moment
/// and in every profile. Leave it out of what you ship and measure.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
    /// What to take from the kernel's monotonic clock to have the time since `start`.
    #[cfg(target_os = "linux")]
    kernel: kernel::Offset,
}

impl SystemClock {
    /// Starts to count now.
    pub fn new() -> Self {
        // Before the other one, so that a pause in between makes for an early renewal, not a late one.
        #[cfg(target_os = "linux")]
        let began = kernel::now();
        let now = Instant::now();
        // Another runtime's paused clock may be behind this one; a month of room keeps it moving.
        let room = Duration::from_secs(30 * 24 * 3600);
        let start = now.checked_sub(room);
        Self {
            start: start.unwrap_or(now),
            #[cfg(target_os = "linux")]
            kernel: kernel::Offset::new(began, start.map_or(Duration::ZERO, |_| room)),
        }
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

    #[cfg(target_os = "linux")]
    fn just_now(&self) -> Moment {
        if PAUSABLE {
            return self.now();
        }
        Moment {
            monotonic: self.kernel.since_start(),
            wall: wall(),
        }
    }
}

#[cfg(target_os = "linux")]
use kernel::wall;

#[cfg(not(target_os = "linux"))]
fn wall() -> Duration {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
}

/// Time as of the kernel's last tick, at most 10 ms ago.
#[cfg(target_os = "linux")]
mod kernel {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    pub(super) fn wall() -> Duration {
        read(ClockId::RealtimeCoarse)
    }

    #[derive(Debug, Clone, Copy)]
    pub(super) struct Offset {
        /// What the clock showed at the beginning.
        began: Duration,
        /// What had passed then already.
        passed: Duration,
    }

    impl Offset {
        pub(super) fn new(began: Duration, passed: Duration) -> Self {
            Self { began, passed }
        }

        pub(super) fn since_start(self) -> Duration {
            (read(ClockId::MonotonicCoarse) + self.passed).saturating_sub(self.began)
        }
    }

    /// The exact time, on the clock that `since_start` counts by.
    pub(super) fn now() -> Duration {
        read(ClockId::Monotonic)
    }

    fn read(clock: ClockId) -> Duration {
        let now = clock_gettime(clock);
        let nanos = u32::try_from(now.tv_nsec).unwrap_or_default();
        Duration::new(u64::try_from(now.tv_sec).unwrap_or_default(), nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_a_test_moves_is_followed_at_once() {
        let clock = SystemClock::new();
        let before = clock.just_now();
        let hour = Duration::from_secs(3600);
        tokio::time::advance(hour).await;
        let after = before.plus(hour).monotonic;
        assert_eq!(clock.just_now().monotonic, after);
        assert_eq!(clock.now().monotonic, after);
    }

    #[cfg(target_os = "linux")]
    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "what the kernel's is held against"
    )]
    fn the_kernel_s_time_keeps_up() {
        // Far more than a tick: the machine may stand still in between.
        let behind = Duration::from_secs(1);
        let passed = Duration::from_secs(60);
        let before = std::time::Instant::now();
        let offset = kernel::Offset::new(kernel::now(), passed);
        let after = std::time::Instant::now();
        for _ in 0..1000 {
            let least = after.elapsed() + passed;
            let read = offset.since_start();
            let most = before.elapsed() + passed;
            assert!(read + behind >= least && read <= most, "{read:?}");
        }
    }
}
