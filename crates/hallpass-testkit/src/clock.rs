//! [`ManualClock`]: clocks that stand where a test puts them.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallpass_core::{Clock, Moment};
use tokio::time::Instant;

use crate::lock::lock;

/// A pair of clocks that a test moves by hand, for [`Cached::builder`](hallpass_core::Cached::builder).
///
/// Clones move together. No tokio runtime is needed for [`new`](Self::new), and no paused time.
///
/// ```
/// use std::time::Duration;
/// use hallpass_core::{Cached, Clock as _};
/// use hallpass_testkit::{ManualClock, ScriptedSource};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), hallpass_core::Error> {
/// let clock = ManualClock::new();
/// let source = ScriptedSource::tokens(Duration::from_secs(300));
/// let cached = Cached::builder(source.clone()).clock(clock.clone()).build();
/// cached.get().await?;
/// clock.advance(Duration::from_secs(301));
/// cached.get().await?;
/// assert_eq!(source.fetches(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ManualClock {
    hands: Arc<Mutex<Hands>>,
    /// Since when tokio's clock moves these as well.
    running: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Hands {
    monotonic: Duration,
    wall: Duration,
}

/// Room to go back, as on a machine that has run for a while, in the year 2027.
const START: Hands = Hands {
    monotonic: Duration::from_secs(1_000_000),
    wall: Duration::from_secs(1_800_000_000),
};

impl ManualClock {
    /// Clocks that stand still until they are moved.
    pub fn new() -> Self {
        Self {
            hands: Arc::new(Mutex::new(START)),
            running: None,
        }
    }

    /// Clocks that go with tokio's, paused or not, and can be moved besides.
    pub fn running() -> Self {
        Self {
            running: Some(Instant::now()),
            ..Self::new()
        }
    }

    /// Moves both clocks ahead.
    pub fn advance(&self, time: Duration) {
        self.advance_monotonic(time);
        self.advance_wall(time);
    }

    /// Moves the monotonic clock alone, as when the wall clock is held back meanwhile.
    pub fn advance_monotonic(&self, time: Duration) {
        lock(&self.hands).monotonic += time;
    }

    /// Moves the wall clock alone, as when the machine sleeps or its clock is put forward.
    pub fn advance_wall(&self, time: Duration) {
        lock(&self.hands).wall += time;
    }

    /// Puts the wall clock back.
    pub fn rewind_wall(&self, time: Duration) {
        let mut hands = lock(&self.hands);
        hands.wall = hands.wall.saturating_sub(time);
    }

    /// Sets the wall clock to this time since the Unix epoch.
    pub fn set_wall(&self, since_epoch: Duration) {
        lock(&self.hands).wall = since_epoch.saturating_sub(self.ran());
    }

    /// Sets both clocks.
    pub fn set(&self, monotonic: Duration, wall: Duration) {
        *lock(&self.hands) = Hands {
            monotonic: monotonic.saturating_sub(self.ran()),
            wall: wall.saturating_sub(self.ran()),
        };
    }

    fn ran(&self) -> Duration {
        self.running.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        let (hands, ran) = (*lock(&self.hands), self.ran());
        Moment {
            monotonic: hands.monotonic + ran,
            wall: hands.wall + ran,
        }
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.now();
        f.debug_struct("ManualClock")
            .field("monotonic", &now.monotonic)
            .field("wall", &now.wall)
            .finish()
    }
}
