//! [`ResponseFuture`]: an exchange of a client, up to the head of the answer.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::Response;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use pin_project_lite::pin_project;
use tokio::time::Sleep;

use crate::Error;

pin_project! {
    /// What a [`Client`](crate::Client) returns: the response, its body still to come.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture {
        inner: legacy::ResponseFuture,
        #[pin]
        deadline: Option<Sleep>,
    }
}

impl ResponseFuture {
    pub(crate) fn new(inner: legacy::ResponseFuture, limit: Option<Duration>) -> Self {
        Self {
            inner,
            deadline: limit.map(tokio::time::sleep),
        }
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<Incoming>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(outcome) = Pin::new(this.inner).poll(cx) {
            return Poll::Ready(outcome.map_err(Error::from));
        }
        match this.deadline.as_pin_mut() {
            Some(deadline) => {
                ready!(deadline.poll(cx));
                Poll::Ready(Err(Error::out_of_time()))
            }
            None => Poll::Pending,
        }
    }
}
