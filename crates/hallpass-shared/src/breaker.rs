//! [`Breaker`]: leaves a store alone that does not answer.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// So many failures in a row, and the store is left alone. One may be a hiccup.
const TOLERATED: u32 = 3;

/// For so long at first, doubling…
const FIRST_GAP: Duration = Duration::from_secs(1);

/// …up to this: so soon after its return at the latest the store is used again.
const LONGEST_GAP: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// From then on one operation at a time tries.
    retry_at: Option<Instant>,
    gap: Duration,
}

/// What an outcome changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    Opened,
    Closed,
}

impl Breaker {
    /// Whether an operation may be tried. Each try while it is open puts the next one off, so that a
    /// try that is dropped leaves nothing behind.
    pub(crate) fn admits(&self) -> bool {
        let now = Instant::now();
        let mut state = self.lock();
        match state.retry_at {
            None => true,
            Some(retry_at) if retry_at > now => false,
            Some(_) => {
                state.retry_at = Some(now + state.gap);
                true
            }
        }
    }

    pub(crate) fn note(&self, worked: bool) -> Change {
        let mut state = self.lock();
        if worked {
            let was_open = state.retry_at.is_some();
            *state = State::default();
            return if was_open {
                Change::Closed
            } else {
                Change::None
            };
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures < TOLERATED {
            return Change::None;
        }
        let opened = state.retry_at.is_none();
        // Those that were under way when it opened say nothing new.
        if opened
            || state
                .retry_at
                .is_some_and(|at| at <= Instant::now() + state.gap / 2)
        {
            state.gap = (state.gap * 2).clamp(FIRST_GAP, LONGEST_GAP);
        }
        state.retry_at = Some(Instant::now() + state.gap);
        if opened { Change::Opened } else { Change::None }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_tries_again_at_growing_intervals() {
        let breaker = Breaker::default();
        assert_eq!(breaker.note(false), Change::None);
        assert_eq!(breaker.note(false), Change::None);
        assert!(breaker.admits());
        assert_eq!(breaker.note(false), Change::Opened);
        assert!(!breaker.admits());
        for _ in 0..6 {
            tokio::time::advance(LONGEST_GAP).await;
            assert!(breaker.admits());
            assert!(!breaker.admits(), "one at a time");
            assert_eq!(breaker.note(false), Change::None);
        }
        tokio::time::advance(LONGEST_GAP).await;
        assert!(breaker.admits());
        assert_eq!(breaker.note(true), Change::Closed);
        assert!(breaker.admits() && breaker.admits());
    }
}
