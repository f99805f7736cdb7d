//! [`BearerService`].

use std::{
    mem,
    task::{Context, Poll},
};

use hallpass_core::{
    Authorizer,
    adapter::{Admission, Attached, Exchange},
};
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::{
    Error, Mode, Replay, ResponseFuture,
    call::Call,
    pause::{Acquiring, Outgoing},
    peek::LookFor,
    replay_service::ReplayServices,
};

/// The service of a [`BearerLayer`](crate::BearerLayer).
#[derive(Debug, Clone)]
pub struct BearerService<S, M = Replay> {
    inner: S,
    replay_services: ReplayServices<S>,
    settings: Settings<M>,
}

/// What a layer gives to each of its services.
#[derive(Debug, Clone)]
pub(crate) struct Settings<M> {
    pub(crate) authorizer: Authorizer,
    pub(crate) mode: M,
    /// Whether a request that waits for a credential keeps the service that was polled ready.
    pub(crate) holds_ready: bool,
    /// Whether a [`Peek`](crate::Peek) stands below.
    pub(crate) peeks: bool,
}

impl<M> Settings<M> {
    pub(crate) fn edit<E>(
        self,
        edit: impl FnOnce(Authorizer) -> Result<Authorizer, E>,
    ) -> Result<Self, E> {
        let authorizer = edit(self.authorizer)?;
        Ok(Self { authorizer, ..self })
    }
}

impl<S, M> BearerService<S, M> {
    pub(crate) fn new(inner: S, settings: Settings<M>) -> Self {
        Self {
            inner,
            replay_services: ReplayServices::new(),
            settings,
        }
    }

    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, mutably.
    pub fn get_mut(&mut self) -> &mut S {
        // It may be changed, and requests are to be sent again with it as it is then.
        self.replay_services = ReplayServices::new();
        &mut self.inner
    }

    /// The inner service, alone.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The rules, and through them the credential.
    pub const fn authorizer(&self) -> &Authorizer {
        &self.settings.authorizer
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

    #[inline]
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Settings {
            authorizer, mode, ..
        } = &self.settings;
        let (uri, headers) = (request.uri(), request.headers());
        let mut exchange = match authorizer.admit(uri, headers, request.extensions()) {
            Admission::Carry(exchange) => exchange,
            Admission::Pass(_) => {
                return ResponseFuture::passing(self.inner.call(M::pass(request)));
            }
            Admission::Refuse(error) => return self.refuse(error),
        };
        if self.settings.peeks {
            LookFor::insert(&exchange, request.extensions_mut());
        }
        // Before the credential is on it: what is kept holds no secret of ours.
        let head = mode.head(&request);
        match exchange.attach_to(&mut request) {
            Ok(Attached::Yes) => {
                let (parts, body) = request.into_parts();
                let (body, original) = mode.keep(body);
                let future = self.inner.call(Request::from_parts(parts, body));
                let call = Call {
                    exchange,
                    head,
                    original,
                    service: M::keep_service(&self.replay_services, &self.inner),
                };
                ResponseFuture::sending(future, call)
            }
            Ok(Attached::LeftAlone) => ResponseFuture::passing(self.inner.call(M::pass(request))),
            Ok(Attached::NoneInHand) => self.acquire(exchange, head, request),
            Err(error) => self.refuse(error),
        }
    }
}

impl<S: Clone, M> BearerService<S, M> {
    fn acquire<B, R>(
        &mut self,
        exchange: Exchange,
        head: M::Head,
        request: Request<B>,
    ) -> ResponseFuture<S, M, B, R>
    where
        M: Mode<B>,
        S: Service<Request<M::Body>, Response = Response<R>>,
        R: Body,
    {
        let mode = &self.settings.mode;
        let (parts, body) = request.into_parts();
        let acquire = exchange.acquire(mode.is_replayable(&body));
        let (body, original) = mode.keep(body);
        let call = Call {
            exchange,
            head,
            original,
            service: M::keep_service(&self.replay_services, &self.inner),
        };
        let acquiring = Acquiring {
            acquire,
            outgoing: Outgoing {
                service: self.service_for_later(),
                request: Request::from_parts(parts, body),
            },
            is_ready: self.settings.holds_ready,
        };
        ResponseFuture::acquiring(acquiring, call)
    }

    fn refuse<B, R>(&mut self, error: hallpass_core::Error) -> ResponseFuture<S, M, B, R>
    where
        M: Mode<B>,
        S: Service<Request<M::Body>, Response = Response<R>>,
    {
        // What it was ready for does not happen: a permit, say, goes back.
        self.inner = self.inner.clone();
        ResponseFuture::refused(error)
    }

    /// For a request that waits: what was polled ready goes back, so that others get on meanwhile,
    /// unless it is to be held.
    fn service_for_later(&mut self) -> S {
        let clone = self.inner.clone();
        if self.settings.holds_ready {
            return mem::replace(&mut self.inner, clone);
        }
        self.inner = clone.clone();
        clone
    }
}
