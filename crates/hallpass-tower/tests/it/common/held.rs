//! [`Held`]: an inner service whose requests and answers are in the test's hands.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::sync::{mpsc, oneshot};
use tower::Service;

use super::{Broken, api::answer};

type Sent<B> = (Request<B>, oneshot::Sender<Response<Full<Bytes>>>);

/// Hands each request to the test.
#[derive(Debug)]
pub(crate) struct Held<B>(mpsc::UnboundedSender<Sent<B>>);

/// Where the requests come out.
#[derive(Debug)]
pub(crate) struct Desk<B>(mpsc::UnboundedReceiver<Sent<B>>);

/// The answer that one request waits for.
#[derive(Debug)]
pub(crate) struct Due(oneshot::Sender<Response<Full<Bytes>>>);

impl<B> Held<B> {
    pub(crate) fn new() -> (Self, Desk<B>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), Desk(receiver))
    }
}

impl<B> Desk<B> {
    /// The next request's body, and its answer to be given.
    pub(crate) async fn next(&mut self) -> (B, Due) {
        let (request, answer) = self.0.recv().await.unwrap();
        (request.into_body(), Due(answer))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Due {
    pub(crate) fn answer(self, status: u16) {
        self.0.send(answer(status, "")).unwrap();
    }
}

impl<B> Clone for Held<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<B: Send + 'static> Service<Request<B>> for Held<B> {
    type Response = Response<Full<Bytes>>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Broken>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (sender, receiver) = oneshot::channel();
        self.0.send((request, sender)).ok().unwrap();
        Box::pin(async { receiver.await.map_err(|_| Broken("no answer".to_owned())) })
    }
}
