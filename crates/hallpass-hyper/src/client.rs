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

use crate::{
    Error, ResponseFuture, connector::Connector, outgoing::Outgoing, resend::Resend, tls::Versions,
};

/// An HTTP client as a [tower service](Service), for requests with an absolute URI and bodies of
/// type `B`. Clones share its connections.
///
/// Redirects come back as answers, and any status is an answer. Calls must be made on a tokio
/// runtime with I/O and time enabled.
///
/// A request is sent again only if the server can't have acted on it: if the idle connection it was
/// given turned out to be closed before any of it had gone out; and, where it has no body, if an
/// HTTP/2 server says that it has not looked at it, as servers do that end a connection after so
/// many requests. One with a body fails then, and [`Error::is_unprocessed`] tells a retry layer
/// that it may go again.
///
/// # Cancel safety
/// Dropping the response future or the response's body ends the exchange: HTTP/1.1 closes the
/// connection, HTTP/2 resets the stream.
pub struct Client<B> {
    inner: legacy::Client<Connector, Outgoing<B>>,
    versions: Versions,
    request_timeout: Option<Duration>,
}

impl<B> Client<B> {
    pub(crate) fn new(
        inner: legacy::Client<Connector, Outgoing<B>>,
        versions: Versions,
        request_timeout: Option<Duration>,
    ) -> Self {
        Self {
            inner,
            versions,
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
        let (head, body) = request.into_parts();
        let body = Outgoing::new(body);
        // HTTP/1.1 never says that a request was not looked at, so nothing is kept for it.
        let again = (body.is_nothing() && self.versions.may_be_http2(&head.uri))
            .then(|| Resend::new(&self.inner, &head));
        let sending = self.inner.request(Request::from_parts(head, body));
        ResponseFuture::new(sending, again, self.request_timeout)
    }
}

impl<B> Clone for Client<B> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            versions: self.versions,
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
