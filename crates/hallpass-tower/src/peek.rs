//! [`Peek`]: looks at the start of answers, for vendors that refuse a token within a 200, or say only
//! there which 403 means a dead one.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use hallpass_core::{
    Rejected,
    adapter::{Exchange, Patience, is_event_stream},
};
use http::{Extensions, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_service::Service;

/// How far into a body is looked: 4 KiB, where any error code of a vendor stands.
const START: usize = 4096;

/// The service below a [`PeekingLayer`](crate::PeekingLayer): reads the start of an answer
/// before it hands it up, unless it is a redirect or a failure of the server. Nothing is lost: the body that goes up begins with what was read.
#[derive(Debug, Clone)]
pub struct Peek<S> {
    inner: S,
}

/// Found among the extensions of a request: what in the body of its answer refuses its credential.
#[derive(Debug, Clone)]
pub(crate) struct LookFor(Rejected);

/// Found among the extensions of a response whose body says that the credential no longer works.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodySaysRejected;

impl LookFor {
    /// Asks the service below to look, if the credential's source knows what for.
    pub(crate) fn insert(exchange: &Exchange, extensions: &mut Extensions) {
        let rejected = exchange.rejected();
        if rejected.looks_at_bodies() {
            extensions.insert(Self(rejected.clone()));
        }
    }
}

impl<S> Peek<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B, R> Service<Request<B>> for Peek<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body + Unpin,
{
    type Response = Response<PeekedBody<R>>;
    type Error = S::Error;
    type Future = PeekFuture<S::Future, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // Taken out: another one below may look for something else.
        let look_for = request.extensions_mut().remove::<LookFor>();
        PeekFuture {
            sending: self.inner.call(request),
            look_for,
            peeking: None,
        }
    }
}

pin_project! {
    /// The future of a [`Peek`].
    pub struct PeekFuture<F, R>
    where
        R: Body,
    {
        #[pin]
        sending: F,
        look_for: Option<LookFor>,
        peeking: Option<Peeking<R>>,
    }
}

/// An answer whose start is being read.
struct Peeking<R: Body> {
    look_for: LookFor,
    response: Response<PeekedBody<R>>,
    patience: Patience,
}

impl<F, R, E> Future for PeekFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body + Unpin,
{
    type Output = Result<Response<PeekedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut peeking = if let Some(peeking) = this.peeking.take() {
            peeking
        } else {
            let response = ready!(this.sending.poll(context))?.map(PeekedBody::new);
            let is_stream = is_event_stream(response.headers());
            match this.look_for.take() {
                Some(look_for) if tells(response.status()) && !is_stream => Peeking {
                    look_for,
                    response,
                    patience: Patience::new(),
                },
                _ => return Poll::Ready(Ok(response)),
            }
        };
        let Peeking {
            response, patience, ..
        } = &mut peeking;
        // A body that keeps silent is judged by what has come.
        if response.body_mut().poll_start(context).is_pending()
            && patience.poll_over(context).is_pending()
        {
            *this.peeking = Some(peeking);
            return Poll::Pending;
        }
        let Peeking {
            look_for: LookFor(rejected),
            mut response,
            ..
        } = peeking;
        if rejected.by_body(&response.body().start()) {
            response.extensions_mut().insert(BodySaysRejected);
        }
        Poll::Ready(Ok(response))
    }
}

/// Whether the body of an answer like this may speak of the credential.
fn tells(status: StatusCode) -> bool {
    status.is_success() || status.is_client_error()
}

/// A body of which the start was read; it still begins with that.
pub struct PeekedBody<R: Body> {
    read: VecDeque<Result<Frame<Bytes>, R::Error>>,
    ended: bool,
    rest: R,
}

impl<R: Body + Unpin> PeekedBody<R> {
    fn new(rest: R) -> Self {
        Self {
            read: VecDeque::new(),
            ended: false,
            rest,
        }
    }

    /// Ready when the start is there, or all there is.
    fn poll_start(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut size = self.data().map(Bytes::len).sum::<usize>();
        // A frame counts at least one byte, or empty ones would go on for ever.
        while size < START && !self.ended {
            match ready!(self.poll_rest(context)) {
                None => self.ended = true,
                Some(frame) => {
                    let data = frame.as_ref().ok().and_then(Frame::data_ref);
                    size += data.map_or(0, Bytes::len).max(1);
                    self.ended = frame.is_err();
                    self.read.push_back(frame);
                }
            }
        }
        Poll::Ready(())
    }

    fn start(&self) -> Vec<u8> {
        self.data().flatten().take(START).copied().collect()
    }

    fn data(&self) -> impl Iterator<Item = &Bytes> {
        self.read
            .iter()
            .filter_map(|frame| frame.as_ref().ok()?.data_ref())
    }

    fn poll_rest(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        Pin::new(&mut self.rest).poll_frame(context).map(|frame| {
            frame.map(|frame| {
                frame.map(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
            })
        })
    }
}

impl<R: Body + Unpin> Body for PeekedBody<R>
where
    R::Error: Unpin,
{
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        let this = self.get_mut();
        match this.read.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None if this.ended => Poll::Ready(None),
            None => this.poll_rest(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && (self.ended || self.rest.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let read: usize = self.data().map(Bytes::len).sum();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read as u64));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read as u64));
        }
        hint
    }
}

impl<R: Body> fmt::Debug for PeekedBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeekedBody").finish_non_exhaustive()
    }
}

impl<F, R: Body> fmt::Debug for PeekFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeekFuture").finish_non_exhaustive()
    }
}
