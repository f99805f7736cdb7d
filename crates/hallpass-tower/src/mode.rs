//! [`Mode`]: what is kept of a request for its replay, and what that makes of its body.

use bytes::Buf;
use hallpass_core::BoxError;
use http::Request;
use http_body::Body;

use crate::{ReplayBody, head::Head, replay_body::Original};

/// Keeps what a replay needs: a copy of the head, and the body's frames as they go by.
#[derive(Debug, Clone)]
pub struct Replay {
    pub(crate) limit: usize,
}

/// Keeps nothing, and leaves the body's type as it is.
#[derive(Debug, Clone)]
pub struct WithoutReplay;

/// What is kept of a request. Sealed: [`Replay`] or [`WithoutReplay`].
pub trait Mode<B>: sealed::Sealed {
    /// The body that the inner service gets.
    type Body;
    #[doc(hidden)]
    type Head;
    #[doc(hidden)]
    type Kept: Kept<Self::Body>;
    #[doc(hidden)]
    const REPLAYS: bool;
    #[doc(hidden)]
    fn head(&self, request: &Request<B>) -> Self::Head;
    #[doc(hidden)]
    fn keep(&self, body: B, head: Self::Head) -> (Self::Body, Self::Kept);
    /// The same for a request that has to wait before it is sent.
    #[doc(hidden)]
    fn keep_waiting(&self, body: B, head: Self::Head) -> (Self::Body, Self::Kept);
    #[doc(hidden)]
    fn pass(request: Request<B>) -> Request<Self::Body>;
}

#[doc(hidden)]
pub trait Kept<B> {
    /// Whether the whole request can be sent again.
    fn is_whole(&self) -> bool;
    fn replay(&mut self) -> Option<Request<B>>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Replay {}
    impl Sealed for super::WithoutReplay {}
}

impl<B> Mode<B> for WithoutReplay {
    type Body = B;
    type Head = ();
    type Kept = ();
    const REPLAYS: bool = false;

    fn head(&self, _request: &Request<B>) {}

    fn keep(&self, body: B, _head: ()) -> (B, ()) {
        (body, ())
    }

    fn keep_waiting(&self, body: B, _head: ()) -> (B, ()) {
        (body, ())
    }

    fn pass(request: Request<B>) -> Request<B> {
        request
    }
}

impl<B> Kept<B> for () {
    fn is_whole(&self) -> bool {
        false
    }

    fn replay(&mut self) -> Option<Request<B>> {
        None
    }
}

impl<B> Mode<B> for Replay
where
    B: Body + Unpin,
    B::Data: Buf,
    B::Error: Into<BoxError>,
{
    type Body = ReplayBody<B>;
    type Head = Head;
    type Kept = KeptRequest<B>;
    const REPLAYS: bool = true;

    #[inline]
    fn head(&self, request: &Request<B>) -> Head {
        Head::of(request)
    }

    #[inline]
    fn keep(&self, body: B, head: Head) -> (ReplayBody<B>, KeptRequest<B>) {
        let (body, original) = ReplayBody::keeping(body, self.limit);
        (body, KeptRequest { head, original })
    }

    fn keep_waiting(&self, body: B, head: Head) -> (ReplayBody<B>, KeptRequest<B>) {
        let (body, original) = ReplayBody::keeping_unread(body, self.limit);
        (body, KeptRequest { head, original })
    }

    fn pass(request: Request<B>) -> Request<ReplayBody<B>> {
        request.map(ReplayBody::passing)
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub struct KeptRequest<B> {
    head: Head,
    original: Original<B>,
}

impl<B> Kept<ReplayBody<B>> for KeptRequest<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    fn is_whole(&self) -> bool {
        self.original.is_whole()
    }

    fn replay(&mut self) -> Option<Request<ReplayBody<B>>> {
        let body = self.original.again()?;
        Some(self.head.rebuild()?.map(|()| body))
    }
}
