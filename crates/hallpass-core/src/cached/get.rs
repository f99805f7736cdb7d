//! [`Get`]: the future of [`Cached::get`](super::Cached::get).

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::Cached;
use crate::{Credential, Error};

/// Waits for a credential; ready at once, and without an allocation, if there is a fresh one.
#[must_use = "futures do nothing unless polled"]
pub struct Get(State);

enum State {
    Ready(Option<Result<Credential, Error>>),
    /// Nothing is started before the first poll, which happens on the runtime to start it on.
    Idle(Cached),
    Waiting(Pin<Box<dyn Future<Output = Result<Credential, Error>> + Send>>),
}

impl Get {
    pub(super) fn ready(outcome: Result<Credential, Error>) -> Self {
        Self(State::Ready(Some(outcome)))
    }

    pub(super) fn idle(cached: Cached) -> Self {
        Self(State::Idle(cached))
    }

    pub(super) fn waiting(
        future: impl Future<Output = Result<Credential, Error>> + Send + 'static,
    ) -> Self {
        Self(State::Waiting(Box::pin(future)))
    }

    /// Whether it had to wait for a fetch; known once it has been polled.
    pub fn waits(&self) -> bool {
        matches!(self.0, State::Waiting(_))
    }
}

impl Future for Get {
    type Output = Result<Credential, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let state = &mut self.get_mut().0;
        if let State::Idle(cached) = state {
            *state = cached.get_slow().0;
        }
        match state {
            State::Ready(outcome) => outcome.take().map_or(Poll::Pending, Poll::Ready),
            State::Waiting(future) => future.as_mut().poll(context),
            State::Idle(_) => Poll::Pending,
        }
    }
}

impl fmt::Debug for Get {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get")
            .field("waits", &self.waits())
            .finish_non_exhaustive()
    }
}
