//! [`ReplayBody`]: a body that can be sent a second time.

mod in_memory;
mod kept;
mod sending;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hallpass_core::BoxError;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use self::{
    in_memory::{InMemory, in_memory},
    kept::in_bytes,
    sending::{NotWhole, Sending, Shared},
};

/// How much of a body is kept for a replay, unless set otherwise: 64 KiB, more than nearly every
/// API call and gRPC message, and little enough for a thousand calls at once.
pub const REPLAY_LIMIT: usize = 64 * 1024;

/// A body whose bytes are kept while they are sent, so that they can be sent again.
///
/// | the body | what is kept |
/// |---|---|
/// | [`Full`] of [`Bytes`], and bytes in memory that come as one piece | shared with the caller, however long; `Full` takes no allocation |
/// | a stream of large frames | the frames, shared, up to the limit |
/// | a stream of small frames | copied together, up to the limit; what the bookkeeping takes is less than a sixth of it |
///
/// Past the limit everything kept is released, and the body can't be sent again any more. The same
/// happens as soon as nothing is left that could ask for it again. If a server answers before it has
/// read everything, the next sending starts with what was kept and goes on with the rest of the
/// original. Each sending announces the same length, or as the first did none.
///
/// The original is polled only when this body is, and never in advance.
///
/// # Cloning
/// A clone starts from the beginning, and shares what is kept. [`try_clone`](Self::try_clone) says
/// whether there is anything to start from; retry layers should use it. Of several clones that are
/// sent at the same time, only the one that began last receives what the original has not delivered
/// yet; the others fail when they need it.
pub struct ReplayBody<B>(Kind<B>);

enum Kind<B> {
    /// Nothing to send, and so nothing to keep.
    Empty,
    /// Not kept, because the request takes no credential of ours.
    Passing(B),
    InMemory(InMemory),
    Kept(Sending<B>),
    /// A clone of something that can't be sent again. `true` until it has said so.
    NotWhole(bool),
}

/// What stays with the request's future to send the body again.
#[doc(hidden)]
pub struct Original<B>(Source<B>);

enum Source<B> {
    /// There was nothing to send.
    Empty,
    InMemory(Full<Bytes>),
    Shared(Arc<Shared<B>>),
}

/// Nothing to send; a redirect follower below asks for it.
impl<B> Default for ReplayBody<B> {
    fn default() -> Self {
        Self(Kind::Empty)
    }
}

impl<B: Body + 'static> ReplayBody<B> {
    /// Keeps up to [`REPLAY_LIMIT`] of this body.
    pub fn new(body: B) -> Self {
        Self::with_limit(body, REPLAY_LIMIT)
    }

    /// Keeps up to `limit` bytes of this body; nothing at all with 0.
    pub fn with_limit(body: B, limit: usize) -> Self {
        Self::keeping(body, limit).0
    }

    /// For adapters of clients that are no tower services: the body to send, and what stays here to
    /// send it again. Nothing at all is kept with 0.
    #[doc(hidden)]
    #[inline]
    pub fn keeping(body: B, limit: usize) -> (Self, Original<B>) {
        if body.is_end_stream() {
            return (Self(Kind::Empty), Original(Source::Empty));
        }
        if limit > 0
            && let Some(whole) = in_memory(&body)
        {
            let original = Original(Source::InMemory(whole.clone()));
            let sending = InMemory::Unsent(whole.clone());
            return (Self(Kind::InMemory(sending)), original);
        }
        let shared = Arc::new(Shared::new(body, limit));
        let sending = Sending::new(Arc::clone(&shared));
        (Self(Kind::Kept(sending)), Original(Source::Shared(shared)))
    }
}

impl<B> ReplayBody<B> {
    /// Keeps nothing of this body, which is sent once, and as it is.
    pub fn passing(body: B) -> Self {
        Self(Kind::Passing(body))
    }

    /// The original, if nothing of it is kept.
    pub(crate) fn into_passed(self) -> Result<B, Self> {
        match self.0 {
            Kind::Passing(body) => Ok(body),
            kept => Err(Self(kept)),
        }
    }

    /// The same body from its beginning, if that can still be had.
    ///
    /// `None` if it was longer than the limit, has failed, or is not kept because its request takes
    /// no credential. A clone may still fail when it is sent, with an error that says so: if
    /// another one has passed the limit in the meantime.
    pub fn try_clone(&self) -> Option<Self> {
        match &self.0 {
            Kind::Empty => Some(Self(Kind::Empty)),
            Kind::InMemory(sending) => Some(Self(Kind::InMemory(sending.again()))),
            Kind::Kept(sending) => Some(Self(Kind::Kept(sending.try_clone()?))),
            Kind::Passing(_) | Kind::NotWhole(_) => None,
        }
    }
}

/// Like [`try_clone`](ReplayBody::try_clone), but a clone of what can't be sent again fails when it
/// is sent.
impl<B> Clone for ReplayBody<B> {
    fn clone(&self) -> Self {
        self.try_clone().unwrap_or(Self(Kind::NotWhole(true)))
    }
}

impl<B> Original<B> {
    /// Whether all that was sent so far is kept.
    pub fn is_whole(&self) -> bool {
        match &self.0 {
            Source::Empty | Source::InMemory(_) => true,
            Source::Shared(shared) => shared.is_whole(),
        }
    }

    /// The body from its start. Every sending before it that needs the original fails from now on.
    pub fn again(&self) -> Option<ReplayBody<B>> {
        Some(ReplayBody(match &self.0 {
            Source::Empty => Kind::Empty,
            Source::InMemory(whole) => Kind::InMemory(InMemory::Unsent(whole.clone())),
            Source::Shared(shared) => Kind::Kept(Sending::again(shared)?),
        }))
    }
}

impl<B> Body for ReplayBody<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Passing(body) => {
                let polled = Pin::new(body).poll_frame(context);
                polled.map(|next| next.map(|frame| frame.map(in_bytes).map_err(Into::into)))
            }
            Kind::InMemory(sending) => sending.poll_frame(context),
            Kind::Kept(sending) => sending.poll_frame(context),
            Kind::NotWhole(unsaid) => {
                let unsaid = std::mem::take(unsaid);
                Poll::Ready(unsaid.then(|| Err(NotWhole.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Passing(body) => body.is_end_stream(),
            Kind::InMemory(sending) => sending.is_end_stream(),
            Kind::Kept(sending) => sending.is_end_stream(),
            // Otherwise an incomplete body would look complete.
            Kind::NotWhole(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Passing(body) => body.size_hint(),
            Kind::InMemory(sending) => sending.size_hint(),
            Kind::Kept(sending) => sending.size_hint(),
            Kind::NotWhole(_) => SizeHint::new(),
        }
    }
}

impl<B> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBody").finish_non_exhaustive()
    }
}

impl<B> fmt::Debug for Original<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Original").finish_non_exhaustive()
    }
}
