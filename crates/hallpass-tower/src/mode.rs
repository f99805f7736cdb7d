//! [`Mode`]: what is kept of a request for its replay, and what that makes of its body.

use bytes::Buf;
use hallpass_core::BoxError;
use http::Request;
use http_body::Body;

use crate::{
    ReplayBody,
    head::Head,
    replay_body::Original,
    replay_service::{ReplayService, ReplayServices},
};

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
    type Original;
    /// Of a service that sends it.
    #[doc(hidden)]
    type Service<S>;
    #[doc(hidden)]
    fn head(&self, request: &Request<B>) -> Self::Head;
    #[doc(hidden)]
    fn keep(&self, body: B) -> (Self::Body, Self::Original);
    /// Whether a body that nothing was sent of can be sent again, as far as it says how long it is.
    #[doc(hidden)]
    fn is_replayable(&self, body: &B) -> bool;
    #[doc(hidden)]
    fn pass(request: Request<B>) -> Request<Self::Body>;
    /// Whether the whole request can be sent again.
    #[doc(hidden)]
    fn is_whole(original: &Self::Original) -> bool;
    #[doc(hidden)]
    fn again(head: &Self::Head, original: &Self::Original) -> Option<Request<Self::Body>>;
    #[doc(hidden)]
    fn keep_service<S: Clone>(services: &ReplayServices<S>, service: &S) -> Self::Service<S>;
    #[doc(hidden)]
    fn service<S: Clone>(kept: &Self::Service<S>) -> Option<S>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Replay {}
    impl Sealed for super::WithoutReplay {}
}

impl<B> Mode<B> for WithoutReplay {
    type Body = B;
    type Head = ();
    type Original = ();
    type Service<S> = ();

    fn head(&self, _request: &Request<B>) {}

    fn keep(&self, body: B) -> (B, ()) {
        (body, ())
    }

    fn is_replayable(&self, _body: &B) -> bool {
        false
    }

    fn pass(request: Request<B>) -> Request<B> {
        request
    }

    fn is_whole((): &()) -> bool {
        false
    }

    fn again((): &(), (): &()) -> Option<Request<B>> {
        None
    }

    fn keep_service<S: Clone>(_services: &ReplayServices<S>, _service: &S) {}

    fn service<S: Clone>((): &()) -> Option<S> {
        None
    }
}

impl<B> Mode<B> for Replay
where
    B: Body + Unpin + 'static,
    B::Data: Buf,
    B::Error: Into<BoxError>,
{
    type Body = ReplayBody<B>;
    type Head = Head;
    type Original = Original<B>;
    type Service<S> = ReplayService<S>;

    #[inline]
    fn head(&self, request: &Request<B>) -> Head {
        Head::of(request)
    }

    #[inline]
    fn keep(&self, body: B) -> (ReplayBody<B>, Original<B>) {
        ReplayBody::keeping(body, self.limit)
    }

    fn is_replayable(&self, body: &B) -> bool {
        let least = body.size_hint().lower();
        body.is_end_stream() || (self.limit > 0 && least <= self.limit as u64)
    }

    fn pass(request: Request<B>) -> Request<ReplayBody<B>> {
        request.map(ReplayBody::passing)
    }

    fn is_whole(original: &Original<B>) -> bool {
        original.is_whole()
    }

    #[inline]
    fn keep_service<S: Clone>(services: &ReplayServices<S>, service: &S) -> ReplayService<S> {
        services.of(service)
    }

    fn service<S: Clone>(kept: &ReplayService<S>) -> Option<S> {
        Some(kept.get())
    }

    fn again(head: &Head, original: &Original<B>) -> Option<Request<ReplayBody<B>>> {
        let body = original.again()?;
        Some(head.rebuild()?.map(|()| body))
    }
}
