//! [`Wire`]: between the layer and the service that sends, what is gRPC's own.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hallpass_core::BoxError;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tonic::{Status, body::Body};
use tower_service::Service;

use crate::deadline::Deadline;

#[doc(hidden)]
/// Makes a replayable body tonic's own again, and forwards what is left of the deadline.
#[derive(Debug, Clone)]
pub struct Wire<S>(pub(crate) S);

impl<S, B, R> Service<Request<B>> for Wire<S>
where
    S: Service<Request<Body>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<R>;
    type Error = Status;
    type Future = Sending<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.0
            .poll_ready(context)
            .map_err(|error| Status::from_error(error.into()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut request = request.map(Body::new);
        let deadline = request.extensions_mut().remove::<Arc<Deadline>>();
        if let Some(deadline) = &deadline {
            deadline.leaves(request.headers_mut());
        }
        Sending {
            future: self.0.call(request),
            deadline,
        }
    }
}

pin_project! {
    #[doc(hidden)]
    pub struct Sending<F> {
        #[pin]
        future: F,
        deadline: Option<Arc<Deadline>>,
    }
}

impl<F, R, E> Future for Sending<F>
where
    F: Future<Output = Result<R, E>>,
    E: Into<BoxError>,
{
    type Output = Result<R, Status>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.future.poll(context));
        if let Some(deadline) = this.deadline {
            deadline.answered();
        }
        Poll::Ready(answer.map_err(|error| Status::from_error(error.into())))
    }
}

impl<F> fmt::Debug for Sending<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}
