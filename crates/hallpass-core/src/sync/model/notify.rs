//! `tokio::sync::Notify`, as far as the shell uses it.

use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use super::Point;

#[derive(Debug, Default)]
pub(crate) struct Notify {
    point: Point,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    calls: u64,
    wakers: Vec<Waker>,
}

/// Ends at the first [`Notify::notify_waiters`] after it was made.
pub(crate) struct Notified<'a> {
    notify: &'a Notify,
    calls: u64,
}

impl Notify {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn notified(&self) -> Notified<'_> {
        self.point.pass();
        Notified {
            notify: self,
            calls: self.lock().calls,
        }
    }

    pub(crate) fn notify_waiters(&self) {
        self.point.pass();
        let mut waiting = self.lock();
        waiting.calls += 1;
        let wakers = std::mem::take(&mut waiting.wakers);
        drop(waiting);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Held for no step of the checker's.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap()
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.notify.point.pass();
        let mut waiting = self.notify.lock();
        if waiting.calls != self.calls {
            return Poll::Ready(());
        }
        waiting.wakers.push(context.waker().clone());
        Poll::Pending
    }
}
