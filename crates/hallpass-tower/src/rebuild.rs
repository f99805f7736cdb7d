//! [`Rebuild`]: turns a [`ReplayBody`] back into a body of the type that the caller sent.

use std::{
    error::Error as StdError,
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use hallpass_core::BoxError;
use http::Request;
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{ReplayBody, shared_service::SharedService};

/// The longest body that is gathered, unless [`replay_limit`](crate::BearerLayer::replay_limit) is
/// more: 2 MiB, longer than any API call that somebody has written by hand, and little enough that a
/// caller's upload can't take the memory.
pub const GATHER_LIMIT: usize = 2 * 1024 * 1024;

/// Makes the body of its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Gather;

/// Makes the body with a function.
#[derive(Clone, Copy)]
pub struct WrapWith<F>(pub(crate) F);

/// The service below a layer that [keeps the body's type](crate::BearerLayer::keeping_type).
#[derive(Debug)]
pub struct Rebuild<S, W> {
    inner: SharedService<S>,
    make: W,
    limit: usize,
}

/// How a body is made.
pub(crate) trait Make<B> {
    fn make(&self, body: ReplayBody<B>) -> Made<B>;
}

pub(crate) enum Made<B> {
    Now(B),
    Later(Gathering<B>),
}

impl<B> Make<B> for Gather
where
    B: Body + From<Bytes>,
{
    fn make(&self, body: ReplayBody<B>) -> Made<B> {
        match body.into_passed() {
            Ok(body) => Made::Now(body),
            Err(body) => Made::Later(Gathering::new(body)),
        }
    }
}

impl<B, F> Make<B> for WrapWith<F>
where
    F: Fn(ReplayBody<B>) -> B,
{
    fn make(&self, body: ReplayBody<B>) -> Made<B> {
        Made::Now(body.into_passed().unwrap_or_else(&self.0))
    }
}

/// A body that is being read.
pub(crate) struct Gathering<B> {
    body: ReplayBody<B>,
    /// Apart from the rest, because a body of one piece is shared and not copied.
    first: Bytes,
    rest: BytesMut,
    into_body: fn(Bytes) -> B,
}

impl<B: From<Bytes>> Gathering<B> {
    fn new(body: ReplayBody<B>) -> Self {
        Self {
            body,
            first: Bytes::new(),
            rest: BytesMut::new(),
            into_body: B::from,
        }
    }
}

impl<B> Gathering<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    fn poll(&mut self, limit: usize, context: &mut Context<'_>) -> Poll<Result<B, BoxError>> {
        while !self.body.is_end_stream() {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
                break;
            };
            let data = match frame?.into_data() {
                Ok(data) => data,
                Err(trailers)
                    if trailers
                        .trailers_ref()
                        .is_some_and(http::HeaderMap::is_empty) =>
                {
                    continue;
                }
                Err(_) => return Poll::Ready(Err(NotGathered::Trailers.into())),
            };
            if self.first.is_empty() && self.rest.is_empty() {
                self.first = data;
                continue;
            }
            let read = self.first.len() + self.rest.len();
            if read.saturating_add(data.len()) > limit {
                return Poll::Ready(Err(NotGathered::TooLong(limit).into()));
            }
            self.rest.extend_from_slice(&mem::take(&mut self.first));
            self.rest.extend_from_slice(&data);
        }
        let all = if self.rest.is_empty() {
            mem::take(&mut self.first)
        } else {
            mem::take(&mut self.rest).freeze()
        };
        Poll::Ready(Ok((self.into_body)(all)))
    }
}

/// Why a body was not sent.
#[derive(Debug)]
enum NotGathered {
    TooLong(usize),
    Trailers,
}

impl fmt::Display for NotGathered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(limit) => write!(
                f,
                "the request's body comes in pieces and is longer than the {limit} bytes that are gathered: raise replay_limit, or use keeping_type_with, which lets it stream"
            ),
            Self::Trailers => f.write_str(
                "the request's body ends with trailers, which one made of bytes can't have: use keeping_type_with",
            ),
        }
    }
}

impl StdError for NotGathered {}

impl<S, W> Rebuild<S, W> {
    pub(crate) fn new(inner: S, make: W, limit: usize) -> Self {
        Self {
            inner: SharedService::new(inner),
            make,
            limit: limit.max(GATHER_LIMIT),
        }
    }
}

impl<S, W: Clone> Clone for Rebuild<S, W> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            make: self.make.clone(),
            limit: self.limit,
        }
    }
}

impl<S, W, B> Service<Request<ReplayBody<B>>> for Rebuild<S, W>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
    W: Make<B>,
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = RebuildFuture<S, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<ReplayBody<B>>) -> Self::Future {
        let (head, body) = request.into_parts();
        let step = match self.make.make(body) {
            Made::Now(body) => Step::Readying {
                request: Some(Request::from_parts(head, body)),
            },
            Made::Later(gathering) => Step::Gathering {
                gathering,
                head: Some(head),
            },
        };
        RebuildFuture {
            service: self.inner.clone(),
            limit: self.limit,
            step,
        }
    }
}

pin_project! {
    /// The future of a [`Rebuild`].
    ///
    /// ```text
    /// Gathering ──▶ Readying ──▶ Sending ──▶ done
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct RebuildFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        service: SharedService<S>,
        limit: usize,
        #[pin]
        step: Step<S::Future, B>,
    }
}

pin_project! {
    #[project = StepProj]
    enum Step<F, B> {
        Gathering { gathering: Gathering<B>, head: Option<http::request::Parts> },
        Readying { request: Option<Request<B>> },
        Sending { #[pin] future: F },
    }
}

impl<S, B> Future for RebuildFuture<S, B>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    type Output = Result<S::Response, BoxError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.step.as_mut().project() {
                StepProj::Gathering { gathering, head } => {
                    let body = ready!(gathering.poll(*this.limit, context))?;
                    let request = head.take().map(|head| Request::from_parts(head, body));
                    Step::Readying { request }
                }
                StepProj::Readying { request } => {
                    let future = ready!(this.service.poll_call(request, context));
                    let future = future.map_err(Into::into)?;
                    Step::Sending { future }
                }
                StepProj::Sending { future } => return future.poll(context).map_err(Into::into),
            };
            this.step.set(next);
        }
    }
}

impl<F> fmt::Debug for WrapWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrapWith").finish_non_exhaustive()
    }
}

impl<S, B> fmt::Debug for RebuildFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RebuildFuture").finish_non_exhaustive()
    }
}
