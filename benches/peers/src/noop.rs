//! The inner service of `hallpass-benches`, for layers that want one with another error.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::Service;

pub(crate) struct Noop<E>(PhantomData<fn() -> E>);

impl<E> Noop<E> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E> Clone for Noop<E> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<E> Service<Request<Full<Bytes>>> for Noop<E> {
    type Response = Response<Full<Bytes>>;
    type Error = E;
    type Future = Ready<Result<Self::Response, E>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        std::hint::black_box(&request);
        ready(Ok(Response::new(Full::default())))
    }
}
