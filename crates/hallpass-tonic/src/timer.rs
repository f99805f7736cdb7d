//! [`Timer`]: waits, also on threads that no runtime keeps time for.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    runtime::Handle,
    task::JoinHandle,
    time::{Instant, Sleep, sleep_until},
};

/// A sleep on the caller's runtime or, on a plain thread, on the one that the channel was made in.
pub(crate) struct Timer(Kind);

enum Kind {
    Here(Pin<Box<Sleep>>),
    /// A task, because a sleep panics once its runtime is gone.
    There(JoinHandle<()>),
    Never,
}

impl Timer {
    /// None where nothing keeps time.
    pub(crate) fn at(at: Instant, runtime: Option<&Handle>) -> Option<Self> {
        if Handle::try_current().is_ok() {
            return Some(Self(Kind::Here(Box::pin(sleep_until(at)))));
        }
        let task = runtime?.spawn(async move { sleep_until(at).await });
        Some(Self(Kind::There(task)))
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Kind::Here(sleep) => sleep.as_mut().poll(context),
            Kind::There(task) => match Pin::new(task).poll(context) {
                Poll::Ready(Ok(())) => Poll::Ready(()),
                Poll::Ready(Err(_)) => {
                    self.0 = Kind::Never;
                    Poll::Pending
                }
                Poll::Pending => Poll::Pending,
            },
            Kind::Never => Poll::Pending,
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Kind::There(task) = &self.0 {
            task.abort();
        }
    }
}
