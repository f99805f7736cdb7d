//! [`ResponseFuture`].

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use hallpass_core::{Attempt, Authorizer, Error};
use http::{Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tonic::Status;

use crate::{ResponseBody, deadline::Deadline, status, watch::Watch};

pin_project! {
    /// The future of a [`BearerChannel`](crate::BearerChannel).
    ///
    /// # Cancel safety
    /// Dropping it ends this call only; a fetch that it waits for goes on.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        step: Step<F>,
        call: Option<Call>,
    }
}

pin_project! {
    #[project = StepProj]
    enum Step<F> {
        Refused { error: Option<Error> },
        Calling { #[pin] future: F },
    }
}

/// What a call needs that may get a credential.
pub(crate) struct Call {
    pub(crate) authorizer: Authorizer,
    pub(crate) deadline: Option<Arc<Deadline>>,
    /// Only there while something else is waited for than the channel's answer.
    pub(crate) sleep: Option<Pin<Box<Sleep>>>,
}

impl<F> ResponseFuture<F> {
    pub(crate) const fn refused(error: Error) -> Self {
        Self {
            step: Step::Refused { error: Some(error) },
            call: None,
        }
    }

    pub(crate) const fn calling(future: F, call: Option<Call>) -> Self {
        Self {
            step: Step::Calling { future },
            call,
        }
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, hallpass_tower::Error<Status>>>,
    R: Body,
{
    type Output = Result<Response<ResponseBody<R>>, Status>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let future = match this.step.project() {
            StepProj::Refused { error } => {
                return match error.take() {
                    Some(error) => Poll::Ready(Err(status::refused(error))),
                    None => Poll::Pending,
                };
            }
            StepProj::Calling { future } => future,
        };
        let outcome = match (future.poll(context), this.call.as_mut()) {
            (Poll::Ready(outcome), _) => outcome,
            (Poll::Pending, None) => return Poll::Pending,
            (Poll::Pending, Some(call)) => return call.poll_deadline(context).map(Err),
        };
        Poll::Ready(match outcome {
            Ok(response) => {
                let watch = this.call.take().and_then(|call| call.watch(&response));
                Ok(response.map(|body| ResponseBody::new(body, watch)))
            }
            Err(hallpass_tower::Error::Credential(error)) => Err(status::status(error)),
            Err(hallpass_tower::Error::Inner(status)) => Err(status),
        })
    }
}

impl Call {
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<Status> {
        let Some(deadline) = &self.deadline else {
            return Poll::Pending;
        };
        if deadline.is_sending() {
            self.sleep = None;
            return Poll::Pending;
        }
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.at)));
        ready!(sleep.as_mut().poll(context));
        Poll::Ready(status::deadline(deadline.error()))
    }

    /// Something to watch the trailers, if they are still to come and a credential was sent.
    fn watch<R: Body>(self, response: &Response<R>) -> Option<Watch> {
        let attempt = response.extensions().get::<Attempt>()?;
        let complete = response.status() != StatusCode::OK
            || response.headers().contains_key(Status::GRPC_STATUS)
            || response.body().is_end_stream();
        (!complete).then(|| Watch {
            authorizer: self.authorizer,
            generation: attempt.generation,
        })
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
