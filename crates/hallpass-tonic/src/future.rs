//! [`ResponseFuture`].

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use hallpass_core::{Error, adapter::Evidence};
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tonic::Status;

use crate::{ResponseBody, deadline::Deadline, status, timer::Timer};

pin_project! {
    /// The future of a [`BearerChannel`](crate::BearerChannel).
    ///
    /// # Cancel safety
    /// Dropping it ends this call only; a fetch that it waits for goes on.
    ///
    /// # Panics
    /// Where it has to wait for time to pass on a tokio runtime that was built without
    /// `enable_time()`: for the deadline of a call that has one, for the first frame of an answer
    /// whose head is held back, and for the rest of a refused one. A plain thread has no such
    /// runtime, and takes the time of the one that the channel was made on.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        step: Step<F>,
    }
}

pin_project! {
    #[project = StepProj]
    enum Step<F> {
        Refused { error: Option<Error> },
        Calling { #[pin] future: F, call: Call },
    }
}

/// What a call keeps until it is answered.
pub(crate) struct Call {
    pub(crate) limit: Option<Limit>,
    /// Whether nobody has said where it goes.
    pub(crate) is_unaddressed: bool,
}

/// The deadline of a call that has one, whatever it waits for: a credential, a connection, an answer.
pub(crate) struct Limit {
    pub(crate) deadline: Arc<Deadline>,
    pub(crate) runtime: Option<Handle>,
    /// Made when there is something to wait for.
    pub(crate) timer: Option<Timer>,
}

impl<F> ResponseFuture<F> {
    pub(crate) const fn refused(error: Error) -> Self {
        Self {
            step: Step::Refused { error: Some(error) },
        }
    }

    pub(crate) const fn calling(future: F, call: Call) -> Self {
        Self {
            step: Step::Calling { future, call },
        }
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<ResponseBody<R>>, hallpass_tower::Error<Status>>>,
    R: Body,
{
    type Output = Result<Response<ResponseBody<R>>, Status>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (future, call) = match self.project().step.project() {
            StepProj::Refused { error } => {
                return match error.take() {
                    Some(error) => Poll::Ready(Err(status::status(error))),
                    None => Poll::Pending,
                };
            }
            StepProj::Calling { future, call } => (future, call),
        };
        let Poll::Ready(outcome) = future.poll(context) else {
            let Some(limit) = &mut call.limit else {
                return Poll::Pending;
            };
            return limit.poll(context).map(Err);
        };
        Poll::Ready(match outcome {
            Ok(mut response) => {
                if let Some(evidence) = response.extensions_mut().remove::<Evidence>() {
                    response.body_mut().tell(evidence);
                }
                Ok(response)
            }
            Err(hallpass_tower::Error::Credential(error)) => {
                Err(status::status(call.explained(error)))
            }
            Err(hallpass_tower::Error::Inner(status)) => Err(status),
        })
    }
}

impl Call {
    fn explained(&self, error: Error) -> Error {
        if self.is_unaddressed && error.is_destination() {
            error.context("a channel does not tell where it leads, so the credential stays here: pass its Endpoint instead, or name the origins that the credential is for")
        } else {
            error
        }
    }
}

impl Limit {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Status> {
        if self.timer.is_none() {
            self.timer = Timer::at(self.deadline.at, self.runtime.as_ref());
        }
        let Some(timer) = &mut self.timer else {
            return Poll::Pending;
        };
        ready!(timer.poll(context));
        Poll::Ready(status::deadline(self.deadline.error()))
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
