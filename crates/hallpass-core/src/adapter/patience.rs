//! [`Patience`]: how long an answer is held up for its body.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{runtime::Handle, time::Sleep};

/// How long the rest of a short body may take to come. It mostly travels with its head; a new
/// connection costs more than this only where the server is far.
const LIMIT: Duration = Duration::from_millis(50);

/// How often a connection's task gets a turn to hand over what has arrived, where no timer runs.
const TURNS: u8 = 8;

/// Waits 50 ms from the first poll; off a tokio runtime, where nothing keeps time, a few turns.
#[derive(Default)]
pub struct Patience(State);

#[derive(Default)]
enum State {
    #[default]
    Unasked,
    Timed(Pin<Box<Sleep>>),
    Turns(u8),
}

impl Patience {
    /// Starts with its first poll.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ready once it is over.
    ///
    /// # Panics
    /// On a tokio runtime without a time driver.
    pub fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let State::Unasked = self.0 {
            self.0 = match Handle::try_current() {
                Ok(_) => State::Timed(Box::pin(tokio::time::sleep(LIMIT))),
                Err(_) => State::Turns(TURNS),
            };
        }
        match &mut self.0 {
            State::Timed(sleep) => sleep.as_mut().poll(context),
            State::Turns(0) | State::Unasked => Poll::Ready(()),
            State::Turns(left) => {
                *left -= 1;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patience").finish_non_exhaustive()
    }
}
