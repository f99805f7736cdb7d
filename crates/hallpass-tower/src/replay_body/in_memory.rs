//! [`InMemory`]: one sending of a body whose type says that its bytes are in memory.

use std::{
    any::Any,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hallpass_core::BoxError;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

/// One sending of bytes in memory. It shares nothing with the others but the bytes, so it needs
/// neither an allocation nor a lock.
pub(super) enum InMemory {
    Unsent(Full<Bytes>),
    /// All of it, which is a single frame.
    Sent(Bytes),
}

/// The body itself, if it is of the type that says so.
#[inline]
pub(super) fn in_memory<B: 'static>(body: &B) -> Option<&Full<Bytes>> {
    (body as &dyn Any).downcast_ref()
}

impl InMemory {
    /// One more sending, from the start.
    pub(super) fn again(&self) -> Self {
        Self::Unsent(match self {
            Self::Unsent(body) => body.clone(),
            Self::Sent(bytes) => Full::new(bytes.clone()),
        })
    }

    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self::Unsent(body) = self else {
            return Poll::Ready(None);
        };
        let next = ready!(Pin::new(body).poll_frame(context));
        if let Some(Ok(frame)) = &next
            && let Some(data) = frame.data_ref()
        {
            *self = Self::Sent(data.clone());
        }
        Poll::Ready(next.map(|frame| frame.map_err(Into::into)))
    }

    pub(super) fn is_end_stream(&self) -> bool {
        match self {
            Self::Unsent(body) => body.is_end_stream(),
            Self::Sent(_) => true,
        }
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Unsent(body) => body.size_hint(),
            Self::Sent(_) => SizeHint::with_exact(0),
        }
    }
}
