//! [`ResponseFuture`]: an exchange of a client, up to the head of the answer.

use std::{
    fmt,
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

use crate::{Error, resend::Resend, unprocessed::Unprocessed};

pin_project! {
    /// What a [`Client`](crate::Client) returns: the response, its body still to come.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture {
        inner: legacy::ResponseFuture,
        again: Option<Resend>,
        #[pin]
        deadline: Option<Sleep>,
    }
}

impl ResponseFuture {
    pub(crate) fn new(
        inner: legacy::ResponseFuture,
        again: Option<Resend>,
        limit: Option<Duration>,
    ) -> Self {
        Self {
            inner,
            again,
            deadline: limit.map(tokio::time::sleep),
        }
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<Incoming>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        while let Poll::Ready(outcome) = Pin::new(&mut *this.inner).poll(cx) {
            let error = match outcome {
                Ok(response) => return Poll::Ready(Ok(response)),
                Err(error) => error,
            };
            let again = Unprocessed::of(&error).zip(this.again.as_mut());
            match again.and_then(|(what, again)| again.after(what)) {
                Some(sending) => *this.inner = sending,
                None => return Poll::Ready(Err(error.into())),
            }
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

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
