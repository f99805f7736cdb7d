//! [`ResponseFuture`]: an exchange of a client, up to the head of the answer.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{Response, StatusCode, Version};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tokio::time::Sleep;

use crate::{Error, attempt::Attempt, resend::Resend};

pin_project! {
    /// What a [`Client`](crate::Client) returns: the response, its body still to come.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture {
        attempt: Attempt,
        again: Option<Resend>,
        has_body: bool,
        #[pin]
        deadline: Option<Sleep>,
    }
}

impl ResponseFuture {
    pub(crate) fn new(
        attempt: Attempt,
        again: Option<Resend>,
        has_body: bool,
        limit: Option<Duration>,
    ) -> Self {
        Self {
            attempt,
            again,
            has_body,
            deadline: limit.map(tokio::time::sleep),
        }
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<Incoming>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        while let Poll::Ready(outcome) = Pin::new(&mut *this.attempt).poll(cx) {
            // What is kept of the body is released with it.
            let again = this.again.take();
            let error = match outcome {
                Ok(response) => {
                    if *this.has_body && may_be_unread(&response) {
                        this.attempt.give_up_connection();
                    }
                    return Poll::Ready(Ok(response));
                }
                Err(error) => error,
            };
            let again = again.zip(error.unprocessed());
            let again = again.and_then(|(mut again, what)| Some((again.after(what)?, again)));
            match again {
                Some((attempt, again)) => {
                    *this.attempt = attempt;
                    *this.again = Some(again);
                }
                None => return Poll::Ready(Err(error)),
            }
        }
        match this.deadline.as_pin_mut() {
            Some(deadline) => {
                ready!(deadline.poll(cx));
                this.attempt.out_of_time();
                Poll::Ready(Err(Error::out_of_time()))
            }
            None => Poll::Pending,
        }
    }
}

/// Whether a server may have given this answer before it read the request's body, so that it is
/// about to close the connection.
fn may_be_unread(response: &Response<Incoming>) -> bool {
    response.status() == StatusCode::UNAUTHORIZED && response.version() < Version::HTTP_2
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
