//! [`ResponseFuture`]: one request's way through the layer.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use hallpass_core::adapter::Next;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    Error, Mode,
    call::Call,
    pause::{Acquiring, Outgoing, Pause, Renewing},
};

pin_project! {
    /// The future of a [`BearerService`](crate::BearerService).
    ///
    /// ```text
    /// Acquiring ──▶ Readying ──▶ Sending ──▶ done
    ///                   ▲           └──▶ Renewing ──▶ Draining ──┐
    ///                   └────────────────────────────────────────┘
    /// ```
    ///
    /// # Cancel safety
    /// Dropping it ends this request only; a fetch that it waits for goes on.
    ///
    /// # Panics
    /// If it has to read a refused answer to its end on a tokio runtime without a time driver.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, M, B, R>
    where
        S: Service<Request<M::Body>>,
        M: Mode<B>,
    {
        #[pin]
        kind: Kind<S, M, B, R>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<S, M, B, R>
    where
        S: Service<Request<M::Body>>,
        M: Mode<B>,
    {
        /// None of ours.
        Passing { #[pin] future: S::Future },
        Refused { error: Option<hallpass_core::Error> },
        Carrying { #[pin] step: Step<S::Future, S, M::Body, R>, call: Call<S, M, B> },
    }
}

pin_project! {
    #[project = StepProj]
    enum Step<F, S, Q, R> {
        Sending { #[pin] future: F },
        Paused { pause: Pause<S, Q, R> },
    }
}

impl<S, M, B, R> ResponseFuture<S, M, B, R>
where
    S: Service<Request<M::Body>>,
    M: Mode<B>,
{
    pub(crate) fn refused(error: hallpass_core::Error) -> Self {
        let error = Some(error);
        Self {
            kind: Kind::Refused { error },
        }
    }

    pub(crate) fn passing(future: S::Future) -> Self {
        Self {
            kind: Kind::Passing { future },
        }
    }

    #[inline]
    pub(crate) fn sending(future: S::Future, call: Call<S, M, B>) -> Self {
        let step = Step::Sending { future };
        Self {
            kind: Kind::Carrying { step, call },
        }
    }

    pub(crate) fn acquiring(acquiring: Acquiring<S, M::Body>, call: Call<S, M, B>) -> Self {
        let pause = Pause::Acquiring(Box::new(acquiring));
        let step = Step::Paused { pause };
        Self {
            kind: Kind::Carrying { step, call },
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
        let (mut step, call) = match self.project().kind.project() {
            KindProj::Passing { future } => return future.poll(context).map_err(Error::Inner),
            KindProj::Refused { error } => {
                return error
                    .take()
                    .map_or(Poll::Pending, |error| Poll::Ready(Err(error.into())));
            }
            KindProj::Carrying { step, call } => (step, call),
        };
        loop {
            let paused = match step.as_mut().project() {
                StepProj::Sending { future } => {
                    let mut polled = future.poll(context);
                    let next = match &mut polled {
                        Poll::Ready(Ok(response)) => call.judge(response),
                        Poll::Ready(Err(_)) | Poll::Pending => Next::Return,
                    };
                    // Apart from the rest, because an answer is large and moved for each match.
                    if let Next::Return = next {
                        return polled.map_err(Error::Inner);
                    }
                    match (next, polled) {
                        (Next::Renew(renewal), Poll::Ready(Ok(response))) => {
                            Ok(Pause::Renewing(Box::new(Renewing { renewal, response })))
                        }
                        (Next::Again(acquired), Poll::Ready(Ok(response))) => {
                            call.send_again(*acquired, response)
                        }
                        (_, polled) => return polled.map_err(Error::Inner),
                    }
                }
                StepProj::Paused { pause } => match resume(mem::take(pause), call, context)? {
                    Resumed::Pending(same) => {
                        *pause = same;
                        return Poll::Pending;
                    }
                    Resumed::Next(next) => Ok(next),
                    Resumed::Send(Outgoing {
                        mut service,
                        request,
                    }) => {
                        let future = service.call(request);
                        step.set(Step::Sending { future });
                        continue;
                    }
                    Resumed::Return(response) => Err(response),
                },
            };
            match paused {
                Ok(pause) => step.set(Step::Paused { pause }),
                Err(mut response) => {
                    call.report(&mut response);
                    return Poll::Ready(Ok(response));
                }
            }
        }
    }
}

/// What a pause has come to.
enum Resumed<S, Q, R> {
    /// It goes on.
    Pending(Pause<S, Q, R>),
    Next(Pause<S, Q, R>),
    /// By a service that is ready.
    Send(Outgoing<S, Q>),
    Return(Response<R>),
}

fn resume<S, M, B, R>(
    pause: Pause<S, M::Body, R>,
    call: &mut Call<S, M, B>,
    context: &mut Context<'_>,
) -> Result<Resumed<S, M::Body, R>, Error<S::Error>>
where
    S: Service<Request<M::Body>> + Clone,
    M: Mode<B>,
    R: Body,
{
    Ok(match pause {
        Pause::Acquiring(mut acquiring) => {
            let Poll::Ready(acquired) = Pin::new(&mut acquiring.acquire).poll(context) else {
                return Ok(Resumed::Pending(Pause::Acquiring(acquiring)));
            };
            let Acquiring {
                mut outgoing,
                is_ready,
                ..
            } = *acquiring;
            let (mut head, body) = outgoing.request.into_parts();
            let (method, uri, headers) = (&head.method, &head.uri, &mut head.headers);
            call.exchange
                .attach_acquired(acquired?, method, uri, headers)?;
            call.exchange.offer_proofs(&mut head.extensions);
            outgoing.request = Request::from_parts(head, body);
            if is_ready {
                Resumed::Send(outgoing)
            } else {
                Resumed::Next(Pause::Readying(Box::new(outgoing)))
            }
        }
        Pause::Renewing(mut renewing) => {
            let polled = call.exchange.poll_renewed(&mut renewing.renewal, context);
            let Poll::Ready(acquired) = polled else {
                return Ok(Resumed::Pending(Pause::Renewing(renewing)));
            };
            let answer = renewing.response;
            let next = match acquired {
                Some(acquired) => call.send_again(acquired, answer),
                None => Err(answer),
            };
            next.map_or_else(Resumed::Return, Resumed::Next)
        }
        Pause::Draining(mut drain, outgoing) => match drain.as_mut().poll(context) {
            Poll::Pending => Resumed::Pending(Pause::Draining(drain, outgoing)),
            Poll::Ready(()) => Resumed::Next(Pause::Readying(outgoing)),
        },
        Pause::Readying(mut outgoing) => match outgoing.service.poll_ready(context) {
            Poll::Pending => Resumed::Pending(Pause::Readying(outgoing)),
            Poll::Ready(Ok(())) => Resumed::Send(*outgoing),
            Poll::Ready(Err(error)) => return Err(Error::Inner(error)),
        },
        Pause::Over => Resumed::Pending(Pause::Over),
    })
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
