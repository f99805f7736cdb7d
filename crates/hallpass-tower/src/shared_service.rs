//! [`SharedService`]: one service that several senders call, whether it can be cloned or not.

use std::{
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use tower_service::Service;

/// One service behind a lock, which nobody holds while it waits.
///
/// Whoever calls it polls it ready in the same step. So no sender can hold a readiness that another
/// one waits for, and what one has been polled ready for and never used serves the next.
pub(crate) struct SharedService<S> {
    service: Arc<Mutex<S>>,
    waiting: Arc<Waiting>,
}

impl<S> SharedService<S> {
    pub(crate) fn new(service: S) -> Self {
        Self {
            service: Arc::new(Mutex::new(service)),
            waiting: Arc::default(),
        }
    }

    pub(crate) fn poll_ready<Q>(&self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Service<Q>,
    {
        self.poll_locked(&mut self.lock(), context)
    }

    /// Sends the request, and takes it, as soon as the service is ready.
    pub(crate) fn poll_call<Q>(
        &self,
        request: &mut Option<Q>,
        context: &mut Context<'_>,
    ) -> Poll<Result<S::Future, S::Error>>
    where
        S: Service<Q>,
    {
        let mut service = self.lock();
        let Poll::Ready(ready) = self.poll_locked(&mut service, context) else {
            return Poll::Pending;
        };
        match (ready, request.take()) {
            (Ok(()), Some(request)) => Poll::Ready(Ok(service.call(request))),
            (Ok(()), None) => Poll::Pending,
            (Err(error), _) => Poll::Ready(Err(error)),
        }
    }

    fn poll_locked<Q>(
        &self,
        service: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), S::Error>>
    where
        S: Service<Q>,
    {
        let round = self.waiting.round();
        // A service remembers who polled it last, and would wake nobody else.
        let all = Waker::from(Arc::clone(&self.waiting));
        let polled = service.poll_ready(&mut Context::from_waker(&all));
        if polled.is_pending() {
            self.waiting.add(context.waker(), round);
        }
        polled
    }

    fn lock(&self) -> MutexGuard<'_, S> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Clone for SharedService<S> {
    fn clone(&self) -> Self {
        Self {
            service: Arc::clone(&self.service),
            waiting: Arc::clone(&self.waiting),
        }
    }
}

impl<S> fmt::Debug for SharedService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedService").finish_non_exhaustive()
    }
}

/// Everybody who waits for the service. All are woken, since any of them may be gone by then.
#[derive(Debug, Default)]
struct Waiting(Mutex<Wakers>);

#[derive(Debug, Default)]
struct Wakers {
    /// Grows with each waking, so that one between a poll and [`Waiting::add`] is not missed.
    round: u64,
    wakers: Vec<Waker>,
}

impl Waiting {
    fn round(&self) -> u64 {
        self.lock().round
    }

    fn add(&self, waker: &Waker, round: u64) {
        let mut wakers = self.lock();
        if wakers.round != round {
            drop(wakers);
            waker.wake_by_ref();
        } else if !wakers.wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.wakers.push(waker.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Wakers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        let mut wakers = self.lock();
        wakers.round += 1;
        let all = mem::take(&mut wakers.wakers);
        drop(wakers);
        for waker in all {
            waker.wake();
        }
    }
}
