//! [`Acquire`] and [`Renewal`]: a request that waits for a credential.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::{Cached, Credential, Error, Get};

/// Waits for the credential of a request that was not sent yet.
///
/// # Cancel safety
/// Dropping it only stops the waiting. The fetch goes on and serves others.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Acquire {
    get: Get,
    waited: bool,
}

/// Another credential than the refused one, to be waited for with
/// [`renewed`](super::Exchange::renewed) or [`poll_renewed`](super::Exchange::poll_renewed).
#[derive(Debug)]
#[must_use = "a renewal that nobody waits for brings no credential"]
pub struct Renewal {
    acquire: Acquire,
    refused: u64,
}

/// A credential for one sending of one request.
#[derive(Debug)]
pub struct Acquired {
    pub(super) credential: Credential,
    pub(super) waited: bool,
}

impl Acquired {
    /// The credential.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }
}

impl Acquire {
    pub(super) fn new(get: Get) -> Self {
        Self { get, waited: false }
    }
}

impl Renewal {
    pub(super) fn of(cached: &Cached, refused: u64) -> Self {
        Self {
            acquire: Acquire::new(cached.get_other_than(refused)),
            refused,
        }
    }
}

impl Future for Acquire {
    type Output = Result<Acquired, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.get).poll(context);
        this.waited |= this.get.waits();
        let credential = ready!(polled)?;
        Poll::Ready(Ok(Acquired {
            credential,
            waited: this.waited,
        }))
    }
}

impl Renewal {
    /// Says whether it had to wait, too.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<(Option<Acquired>, bool)> {
        let outcome = ready!(Pin::new(&mut self.acquire).poll(context));
        // The same again would be refused again.
        let is_newer = |acquired: &Acquired| acquired.credential.generation() != self.refused;
        Poll::Ready((outcome.ok().filter(is_newer), self.acquire.waited))
    }
}
