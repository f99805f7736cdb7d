//! [`Memory`]: what outlives a machine whose credential is evicted.

use std::time::Duration;

use tokio::time::Instant;

use super::{Failures, Machine, RejectionBackoff};
use crate::Moment;

/// Until when no fetch is to be tried, and how often the last ones were for nothing.
///
/// Without it, an eviction would be a way around every gap.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    failures: Failures,
    rejections: RejectionBackoff,
    /// When it was taken, by the clock of the machine. Another machine's clock may have started at
    /// another time, so only its wall clock is compared.
    taken: Moment,
    at: Instant,
}

impl Machine {
    /// What there is to be remembered, if a fetch has failed or was for nothing lately.
    pub(crate) fn memory(&self, now: Moment) -> Option<Memory> {
        (self.failures.any() || self.rejections.is_sceptical()).then(|| Memory {
            failures: self.failures.clone(),
            rejections: self.rejections.clone(),
            taken: now,
            at: Instant::now(),
        })
    }

    /// Goes on where another machine for the same key has ended. `version` is the source's, which
    /// counts as unchanged: numbers of different sources can't be compared.
    pub(crate) fn recall(&mut self, now: Moment, version: u64, memory: Memory) {
        let by_wall = now.wall.saturating_sub(memory.taken.wall);
        let passed = memory.at.elapsed().max(by_wall);
        let taken = memory.taken;
        let moved = |until: Moment| -> Moment {
            let left: Duration = until.left(taken).saturating_sub(passed);
            now.plus(left)
        };
        self.failures = memory.failures.moved(version, moved);
        self.rejections = memory.rejections.moved(now, moved);
    }

    /// Whether the last fetch failed.
    pub(crate) fn is_troubled(&self) -> bool {
        self.failures.any()
    }
}
