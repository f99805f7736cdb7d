//! [`ResponseFuture`]: one request's way through the layer.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use hallpass_core::{Authorizer, Credential, Exchange, Get, Next};
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{Error, Mode, drain::Drain, peek::BodySaysRejected, spare::Spare};

pin_project! {
    /// The future of a [`BearerService`](crate::BearerService).
    ///
    /// ```text
    /// Waiting ──▶ Sending ──▶ done
    ///                └──▶ Renewing ──▶ Draining ──▶ Readying ──▶ Sending ──▶ done
    /// ```
    ///
    /// # Cancel safety
    /// Dropping it ends this request only; a fetch that it waits for goes on.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, M, B, R>
    where
        S: Service<Request<M::Body>>,
        M: Mode<B>,
    {
        #[pin]
        step: Step<S::Future, M::Body, R>,
        call: Option<CallOf<S, M, B>>,
    }
}

pin_project! {
    /// Heads are boxed where a request has to wait anyway: a future is moved before it is polled,
    /// and its size is paid for by every request.
    #[project = StepProj]
    enum Step<F, B, R> {
        /// A request of somebody else's, or none at all.
        Passing { #[pin] future: F },
        Refused { error: Option<hallpass_core::Error> },
        /// For a credential, before the first sending.
        Waiting { get: Get, request: Option<Box<Request<B>>> },
        Sending { #[pin] future: F },
        /// For another credential; the first answer is kept in case there is none.
        Renewing { get: Get, response: Option<Box<Response<R>>> },
        /// What is left of the first answer.
        Draining { #[pin] drain: Drain<R>, request: Option<Box<Request<B>>> },
        /// For the inner service, before the second sending.
        Readying { request: Option<Box<Request<B>>> },
    }
}

/// What a request needs beside the future that it waits for.
pub(crate) struct Call<S, H, O> {
    pub(crate) authorizer: Authorizer,
    pub(crate) exchange: Exchange,
    /// What is kept of the request's head…
    pub(crate) head: H,
    /// …and of its body.
    pub(crate) original: O,
    pub(crate) service: Spare<S>,
}

type CallOf<S, M, B> = Call<S, <M as Mode<B>>::Head, <M as Mode<B>>::Original>;

impl<S, M, B, R> ResponseFuture<S, M, B, R>
where
    S: Service<Request<M::Body>>,
    M: Mode<B>,
{
    pub(crate) fn refused(error: hallpass_core::Error) -> Self {
        Self {
            step: Step::Refused { error: Some(error) },
            call: None,
        }
    }

    pub(crate) fn passing(future: S::Future) -> Self {
        Self {
            step: Step::Passing { future },
            call: None,
        }
    }

    pub(crate) fn sending(future: S::Future, call: CallOf<S, M, B>) -> Self {
        Self {
            step: Step::Sending { future },
            call: Some(call),
        }
    }

    pub(crate) fn waiting(request: Request<M::Body>, call: CallOf<S, M, B>) -> Self {
        Self {
            step: Step::Waiting {
                get: call.authorizer.cached().get(),
                request: Some(Box::new(request)),
            },
            call: Some(call),
        }
    }
}

impl<S, M, B, R> Future for ResponseFuture<S, M, B, R>
where
    S: Service<Request<M::Body>, Response = Response<R>> + Clone,
    M: Mode<B>,
    R: Body,
{
    type Output = Result<Response<R>, Error<S::Error>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let call = match this.step.as_mut().project() {
                StepProj::Passing { future } => {
                    return future.poll(context).map_err(Error::Inner);
                }
                StepProj::Refused { error } => {
                    return match error.take() {
                        Some(error) => Poll::Ready(Err(Error::Credential(error))),
                        None => Poll::Pending,
                    };
                }
                // Only the two above have no call.
                _ => match this.call.as_mut() {
                    Some(call) => call,
                    None => return Poll::Pending,
                },
            };
            let next = match this.step.as_mut().project() {
                StepProj::Passing { .. } | StepProj::Refused { .. } => return Poll::Pending,
                StepProj::Waiting { get, request } => {
                    let credential = ready!(call.poll_credential(get, context))?;
                    match (request.take(), call.service.get()) {
                        (Some(request), Some(service)) => {
                            let (mut parts, body) = request.into_parts();
                            call.exchange.attach(
                                &credential,
                                &parts.method,
                                &parts.uri,
                                &mut parts.headers,
                            );
                            Step::Sending {
                                future: service.call(Request::from_parts(parts, body)),
                            }
                        }
                        _ => return Poll::Pending,
                    }
                }
                StepProj::Sending { future } => {
                    let mut polled = future.poll(context);
                    let next = match &mut polled {
                        Poll::Ready(Ok(response)) => {
                            let replayable = M::REPLAYS && M::is_whole(&call.original);
                            call.judge(response, replayable)
                        }
                        _ => Next::Return,
                    };
                    if next == Next::Return {
                        return polled.map_err(Error::Inner);
                    }
                    let Poll::Ready(Ok(response)) = polled else {
                        return Poll::Pending;
                    };
                    Step::Renewing {
                        get: call.authorizer.cached().get(),
                        response: Some(Box::new(response)),
                    }
                }
                StepProj::Renewing { get, response } => {
                    let credential = ready!(call.poll_credential(get, context))?;
                    let Some(mut response) = response.take() else {
                        return Poll::Pending;
                    };
                    match call.replay::<M, B>(&credential) {
                        None => {
                            call.report(&mut response);
                            return Poll::Ready(Ok(*response));
                        }
                        Some(request) => Step::Draining {
                            drain: Drain::new(response.into_body()),
                            request: Some(Box::new(request)),
                        },
                    }
                }
                StepProj::Draining { drain, request } => {
                    ready!(drain.poll(context));
                    Step::Readying {
                        request: request.take(),
                    }
                }
                StepProj::Readying { request } => {
                    let Some(service) = call.service.get() else {
                        return Poll::Pending;
                    };
                    ready!(service.poll_ready(context)).map_err(Error::Inner)?;
                    match request.take() {
                        Some(request) => Step::Sending {
                            future: service.call(*request),
                        },
                        None => return Poll::Pending,
                    }
                }
            };
            this.step.set(next);
        }
    }
}

impl<S, H, O> Call<S, H, O> {
    fn judge<R>(&mut self, response: &mut Response<R>, replayable: bool) -> Next {
        let (authorizer, headers) = (&self.authorizer, response.headers());
        let next = if response.extensions().get::<BodySaysRejected>().is_some() {
            self.exchange.refused(authorizer, headers, replayable)
        } else {
            self.exchange
                .answered(authorizer, response.status(), headers, replayable)
        };
        if next == Next::Return {
            self.report(response);
        }
        next
    }

    fn poll_credential(
        &mut self,
        get: &mut Get,
        context: &mut Context<'_>,
    ) -> Poll<Result<Credential, hallpass_core::Error>> {
        let outcome = Pin::new(&mut *get).poll(context);
        if get.waits() {
            self.exchange.waited();
        }
        outcome
    }

    /// The request once more, with this credential, if that is worth it and can be done.
    fn replay<M, B>(&mut self, credential: &Credential) -> Option<Request<M::Body>>
    where
        M: Mode<B, Head = H, Original = O>,
    {
        if !self.exchange.is_news(credential) {
            return None;
        }
        let (mut parts, body) = M::again(&mut self.head, &self.original)?.into_parts();
        self.exchange.attach_again(
            &self.authorizer,
            credential,
            &parts.method,
            &parts.uri,
            &mut parts.headers,
        );
        Some(Request::from_parts(parts, body))
    }

    fn report<R>(&self, response: &mut Response<R>) {
        if let Some(attempt) = self.exchange.report(&self.authorizer) {
            response.extensions_mut().insert(attempt);
        }
    }
}

impl<S, M, B, R> fmt::Debug for ResponseFuture<S, M, B, R>
where
    S: Service<Request<M::Body>>,
    M: Mode<B>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
