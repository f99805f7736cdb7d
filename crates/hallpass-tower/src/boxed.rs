//! [`BoxedLayer`] and [`Boxed`]: the same layer with errors of one type.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use hallpass_core::BoxError;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{BearerLayer, Error, PeekingLayer};

/// A layer whose service fails with a [`BoxError`]; made by [`boxed`](BearerLayer::boxed).
#[derive(Debug, Clone)]
pub struct BoxedLayer<L>(L);

impl<M> BearerLayer<M> {
    /// Makes the service's error a [`BoxError`], as layers such as tower's `Timeout` and `Buffer`
    /// want it of what is below them.
    ///
    /// An [`Error`] of such a layer's error is no `std::error::Error`, because a box is none. It is
    /// the last thing to say: configure the layer first.
    #[must_use]
    pub fn boxed(self) -> BoxedLayer<Self> {
        BoxedLayer(self)
    }
}

impl<M> PeekingLayer<M> {
    /// Makes the service's error a [`BoxError`], as [`BearerLayer::boxed`] does.
    #[must_use]
    pub fn boxed(self) -> BoxedLayer<Self> {
        BoxedLayer(self)
    }
}

impl<S, L: Layer<S>> Layer<S> for BoxedLayer<L> {
    type Service = Boxed<L::Service>;

    fn layer(&self, inner: S) -> Self::Service {
        Boxed::new(self.0.layer(inner))
    }
}

/// A service that fails with a [`BoxError`]: the [`hallpass_core::Error`], or that of the client
/// below, without anything around it.
#[derive(Debug, Clone)]
pub struct Boxed<S>(S);

impl<S> Boxed<S> {
    pub(crate) const fn new(service: S) -> Self {
        Self(service)
    }

    /// The service whose errors are typed.
    pub const fn get_ref(&self) -> &S {
        &self.0
    }
}

impl<S, Q, E> Service<Q> for Boxed<S>
where
    S: Service<Q, Error = Error<E>>,
    E: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxedFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context).map_err(Error::into_boxed)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        BoxedFuture {
            future: self.0.call(request),
        }
    }
}

pin_project! {
    /// The future of a [`Boxed`] service.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct BoxedFuture<F> {
        #[pin]
        future: F,
    }
}

impl<F, T, E> Future for BoxedFuture<F>
where
    F: Future<Output = Result<T, Error<E>>>,
    E: Into<BoxError>,
{
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.project().future.poll(context);
        polled.map_err(Error::into_boxed)
    }
}
