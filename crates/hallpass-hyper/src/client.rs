//! [`Client`]: a tower service over hyper.

use std::{
    fmt,
    task::{Context, Poll},
    time::Duration,
};

use hallpass_core::BoxError;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use tower_service::Service;

use crate::{Error, ResponseFuture, connector::Connector};

/// An HTTP client as a [tower service](Service), for requests with an absolute URI and bodies of
/// type `B`. Clones share its connections.
///
/// Redirects come back as answers, and any status is an answer. A request is sent again only if
/// the idle connection it was given turned out to be closed before any of it had gone out. Calls
/// must be made on a tokio runtime with I/O and time enabled.
///
/// # Cancel safety
/// Dropping the response future or the response's body ends the exchange: HTTP/1.1 closes the
/// connection, HTTP/2 resets the stream.
pub struct Client<B> {
    inner: legacy::Client<Connector, B>,
    request_timeout: Option<Duration>,
}

impl<B> Client<B> {
    pub(crate) fn new(
        inner: legacy::Client<Connector, B>,
        request_timeout: Option<Duration>,
    ) -> Self {
        Self {
            inner,
            request_timeout,
        }
    }
}

impl<B> Service<Request<B>> for Client<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Incoming>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        ResponseFuture::new(self.inner.request(request), self.request_timeout)
    }
}

impl<B> Clone for Client<B> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            request_timeout: self.request_timeout,
        }
    }
}

impl<B> fmt::Debug for Client<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("request_timeout", &self.request_timeout)
            .finish_non_exhaustive()
    }
}
