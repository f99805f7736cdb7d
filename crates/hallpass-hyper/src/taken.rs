//! [`Taken`]: whether a connection has begun with a request.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};

/// Whether anybody has asked for a request's body.
///
/// Whoever writes a head asks first: the head says whether a body follows, and how long it is.
#[derive(Clone, Default)]
pub(crate) struct Taken(Arc<AtomicBool>);

impl Taken {
    pub(crate) fn body<B>(&self, inner: B) -> Asked<B> {
        let taken = self.clone();
        Asked { inner, taken }
    }

    pub(crate) fn is(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A body that tells [`Taken`].
pub(crate) struct Asked<B> {
    inner: B,
    taken: Taken,
}

impl<B: Body + Unpin> Body for Asked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.taken.set();
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.taken.set();
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.taken.set();
        self.inner.size_hint()
    }
}
