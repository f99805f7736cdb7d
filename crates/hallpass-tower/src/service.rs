//! [`BearerService`].

use std::{
    mem,
    task::{Context, Poll},
};

use hallpass_core::{Admission, Attached, Authorizer, Exchange};
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::{
    Error, Mode, Replay, ResponseFuture,
    future::Call,
    spare::{Spare, Spares},
};

/// The service of a [`BearerLayer`](crate::BearerLayer).
#[derive(Debug, Clone)]
pub struct BearerService<S, M = Replay> {
    inner: S,
    spares: Spares<S>,
    authorizer: Authorizer,
    mode: M,
}

impl<S, M> BearerService<S, M> {
    pub(crate) fn new(inner: S, authorizer: Authorizer, mode: M) -> Self {
        Self {
            inner,
            spares: Spares::new(),
            authorizer,
            mode,
        }
    }

    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, mutably.
    pub fn get_mut(&mut self) -> &mut S {
        // It may be changed, and is to be replayed with as it is then.
        self.spares = Spares::new();
        &mut self.inner
    }

    /// The inner service, alone.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The rules, and through them the credential.
    pub const fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }
}

impl<S, M, B, R> Service<Request<B>> for BearerService<S, M>
where
    M: Mode<B>,
    S: Service<Request<M::Body>, Response = Response<R>> + Clone,
    R: Body,
{
    type Response = Response<R>;
    type Error = Error<S::Error>;
    type Future = ResponseFuture<S, M, B, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(Error::Inner)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let admitted = match self.authorizer.for_request(request.extensions()) {
            None => None,
            Some(authorizer) => match authorizer.admit_to(request.uri()) {
                Err(error) => {
                    // What it was ready for does not happen: a permit, say, goes back.
                    self.inner = self.inner.clone();
                    return ResponseFuture::refused(error);
                }
                Ok(Admission::Pass) => None,
                Ok(Admission::Attach) => Some(authorizer.into_owned()),
            },
        };
        let Some(authorizer) = admitted else {
            return ResponseFuture::passing(self.inner.call(M::pass(request)));
        };
        // Before the credential is on it: a snapshot holds no secret of ours.
        let head = self.mode.head(&request);
        let mut exchange = Exchange::new();
        let attached = exchange.attach_unless_present(&authorizer, request.headers_mut());
        match attached {
            Attached::Yes => {
                let (parts, body) = request.into_parts();
                let (body, original) = self.mode.keep(body);
                let sending = self.inner.call(Request::from_parts(parts, body));
                let spare = if M::REPLAYS {
                    self.spares.of(&self.inner)
                } else {
                    Spare::None
                };
                let call = Call {
                    authorizer,
                    exchange,
                    head,
                    original,
                    service: spare,
                };
                ResponseFuture::sending(sending, call)
            }
            Attached::NoneInHand if !authorizer.leaves_alone(request.headers()) => {
                let (parts, body) = request.into_parts();
                let (body, original) = self.mode.keep_unread(body);
                let request = Request::from_parts(parts, body);
                // The service that was polled ready is the one that is called, after the wait;
                // what stays behind is a clone.
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                let call = Call {
                    authorizer,
                    exchange,
                    head,
                    original,
                    service: Spare::Own(ready),
                };
                ResponseFuture::waiting(request, call)
            }
            Attached::LeftAlone | Attached::NoneInHand => {
                ResponseFuture::passing(self.inner.call(M::pass(request)))
            }
        }
    }
}
