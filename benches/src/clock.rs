//! A clock that is set by hand.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use hallpass_core::{Clock, Moment};

/// A clock that shows what it was set to; clones show the same.
#[derive(Debug, Clone, Default)]
pub struct VirtualClock(Arc<AtomicU64>);

impl VirtualClock {
    /// Sets both clocks to so much after their start.
    pub fn set(&self, elapsed: Duration) {
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.0.store(millis, Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Moment {
        let now = Duration::from_millis(self.0.load(Relaxed));
        Moment {
            monotonic: now,
            wall: now,
        }
    }
}
