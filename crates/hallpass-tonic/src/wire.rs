//! [`Wire`]: between the layer and the service that sends, what is gRPC's own.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{BoxError, adapter::Processed};
use hallpass_tower::grpc::{Counted, Progress};
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body::Body as HttpBody;
use pin_project_lite::pin_project;
use tokio::{runtime::Handle, time::Instant};
use tonic::{Status, body::Body};
use tower_service::Service;

use crate::{ResponseBody, deadline::Deadline, timer::Timer, unprocessed};

/// How long a head is held back for what follows it. A server that refuses a call in trailers after
/// an empty answer sends both together; one that has a message to send mostly does, too.
const HOLD: Duration = Duration::from_millis(10);

/// `UNAUTHENTICATED`.
const REFUSED: &[u8] = b"16";

/// Which calls may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replays {
    None,
    /// Those of one message. A server may act on the messages of a stream before it refuses it.
    OneMessage,
    Streams,
}

#[doc(hidden)]
/// Makes a replayable body tonic's own again, forwards what is left of the deadline, and says in the
/// head what a refusal right after it says.
#[derive(Debug, Clone)]
pub struct Wire<S> {
    pub(crate) inner: S,
    pub(crate) replays: Replays,
    /// For the time on threads outside of any.
    pub(crate) runtime: Option<Handle>,
}

impl<S, B, R> Service<Request<B>> for Wire<S>
where
    S: Service<Request<Body>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    R: HttpBody + Unpin,
{
    type Response = Response<ResponseBody<R>>;
    type Error = Status;
    type Future = Sending<S::Future, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner
            .poll_ready(context)
            .map_err(|error| unprocessed::status(error.into()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let deadline = request.extensions_mut().remove::<Arc<Deadline>>();
        if let Some(deadline) = &deadline {
            deadline.leaves(request.headers_mut());
        }
        // A credential of ours is marked as sensitive. Without any there is nothing to replay.
        let carries = request.headers().values().any(HeaderValue::is_sensitive);
        let (request, sent) = if carries && self.replays != Replays::None {
            let progress = Arc::<Progress>::default();
            let sent = Sent {
                progress: Arc::clone(&progress),
                streams: self.replays == Replays::Streams,
                runtime: self.runtime.clone(),
            };
            let counted = |body| Body::new(Counted::new(body, progress));
            (request.map(counted), Some(sent))
        } else {
            (request.map(Body::new), None)
        };
        Sending {
            future: self.inner.call(request),
            deadline,
            sent,
            held: None,
        }
    }
}

/// Of a call that carries a credential.
struct Sent {
    progress: Arc<Progress>,
    /// Whether also those of other than one message are sent again.
    streams: bool,
    runtime: Option<Handle>,
}

struct Held<R: HttpBody> {
    response: Response<ResponseBody<R>>,
    timer: Timer,
}

pin_project! {
    #[doc(hidden)]
    pub struct Sending<F, R>
    where
        R: HttpBody,
    {
        #[pin]
        future: F,
        deadline: Option<Arc<Deadline>>,
        sent: Option<Sent>,
        held: Option<Held<R>>,
    }
}

impl<F, R, E> Future for Sending<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<BoxError>,
    R: HttpBody + Unpin,
{
    type Output = Result<Response<ResponseBody<R>>, Status>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.held.is_none() {
            let answer = ready!(this.future.poll(context));
            let answer = match (answer, this.sent.take()) {
                (Ok(response), Some(sent)) => match sent.look_at(response.map(ResponseBody::new)) {
                    Ok(held) => {
                        *this.held = Some(held);
                        None
                    }
                    Err(response) => Some(Ok(response)),
                },
                (Ok(response), None) => Some(Ok(response.map(ResponseBody::new))),
                (Err(error), _) => Some(Err(unprocessed::status(error.into()))),
            };
            if let Some(answer) = answer {
                answered(this.deadline.as_deref());
                return Poll::Ready(answer);
            }
        }
        if let Some(held) = this.held
            && held.response.body_mut().poll_start(context).is_pending()
        {
            ready!(held.timer.poll(context));
        }
        let Some(Held { mut response, .. }) = this.held.take() else {
            return Poll::Pending;
        };
        let refuses = |trailers: &http::HeaderMap| {
            let status = trailers.get(Status::GRPC_STATUS);
            status.is_some_and(|status| status.as_bytes() == REFUSED)
        };
        if let Some(trailers) = response.body_mut().take_trailers_if(refuses) {
            response.headers_mut().extend(trailers);
        }
        answered(this.deadline.as_deref());
        Poll::Ready(Ok(response))
    }
}

impl Sent {
    /// A head that tells nothing yet is held back; any other goes up.
    #[expect(
        clippy::result_large_err,
        reason = "it is no error: the response is handed on, and a box would cost every call"
    )]
    fn look_at<R: HttpBody>(
        self,
        mut response: Response<ResponseBody<R>>,
    ) -> Result<Held<R>, Response<ResponseBody<R>>> {
        let has_status = response.headers().contains_key(Status::GRPC_STATUS);
        // A proxy that refuses in HTTP's words has handed on nothing.
        let by_grpc = has_status || response.status() == StatusCode::OK;
        if !self.progress.is_one_message() {
            if by_grpc && !self.streams && !self.progress.is_nothing() {
                response.extensions_mut().insert(Processed);
            }
            return Err(response);
        }
        let is_open = by_grpc
            && !has_status
            && !response.body().is_end_stream()
            && response
                .headers()
                .get(CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
        let until = || Timer::at(Instant::now() + HOLD, self.runtime.as_ref());
        match is_open.then(until).flatten() {
            Some(timer) => Ok(Held { response, timer }),
            None => Err(response),
        }
    }
}

fn answered(deadline: Option<&Deadline>) {
    if let Some(deadline) = deadline {
        deadline.answered();
    }
}

impl<F, R: HttpBody> fmt::Debug for Sending<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}
