//! [`Client`]: a tower service over hyper.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hallpass_core::BoxError;
use hallpass_core::adapter::FreshConnection;
use hallpass_tower::ReplayBody;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tower_service::Service;

use crate::{
    Error, Proxy, ResponseFuture,
    attempt::{Attempt, Hyper, LEFT_BEHIND, LEFT_BEHIND_FOR_GOOD},
    outgoing::{announce_no_body, for_either_version},
    resend::Resend,
    tls::Versions,
};

/// An HTTP client as a [tower service](Service), for requests with an absolute URI and bodies of
/// type `B`. Clones share its connections.
///
/// Redirects come back as answers, and any status is an answer. The connection decides the HTTP
/// version, also for a request that says another, unless it is gRPC's. Calls must be made on a tokio
/// runtime with I/O and time enabled.
///
/// # When a request is sent again
/// Only if the server can't have acted on it:
/// - if the idle connection it was given turned out to be closed before any of it had gone out;
/// - if an HTTP/2 server says that it has not looked at it, as servers do that end a connection
///   after so many requests. Its body goes with it, as far as a [`ReplayBody`] keeps it; past that,
///   [`Error::is_unprocessed`] tells a retry layer that the request may go again;
/// - if its connection ended before it took the request, a quarter of a second after that. One that
///   can't be sent again fails a minute after that: over HTTP/1.1 with plain `http`, or with a body
///   that isn't kept.
///
/// One case is left, at most one request for each connection that an HTTP/2 server ends: the one
/// that hyper was just handing over. hyper doesn't tell whether its head had gone out by then, so it
/// fails, and [`Error::is_unprocessed`] is false.
///
/// # Which connection it gets
/// - A request with a body and [`FreshConnection`] among its extensions gets a new one, as a replay
///   after a 401 does.
/// - A connection is not used again after a 401 over HTTP/1.1 to a request with a body: the server
///   may have answered before it read the body, and then it closes without saying so.
/// - Nor is one of HTTP/2 on which a request ran out of time, or was dropped by a caller who had
///   waited, while nothing came from the server.
///
/// # Cancel safety
/// Dropping the response future or the response's body ends the exchange: HTTP/1.1 closes the
/// connection, HTTP/2 resets the stream.
pub struct Client<B>(Arc<Shared<B>>);

struct Shared<B> {
    pooled: Arc<Hyper<ReplayBody<B>>>,
    /// Has no pool, so that what goes through it never meets an old connection.
    fresh: Hyper<ReplayBody<B>>,
    proxy: Proxy,
    versions: Versions,
    request_timeout: Option<Duration>,
}

impl<B> Client<B> {
    pub(crate) fn new(
        pooled: Hyper<ReplayBody<B>>,
        fresh: Hyper<ReplayBody<B>>,
        proxy: Proxy,
        versions: Versions,
        request_timeout: Option<Duration>,
    ) -> Self {
        Self(Arc::new(Shared {
            pooled: Arc::new(pooled),
            fresh,
            proxy,
            versions,
            request_timeout,
        }))
    }
}

impl<B> Service<Request<B>> for Client<B>
where
    B: Body + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Incoming>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let shared = &self.0;
        let (mut head, body) = request.into_parts();
        let has_body = !body.is_end_stream();
        if !has_body {
            announce_no_body(&mut head);
        }
        for_either_version(&mut head);
        shared.proxy.authorize(&mut head);
        let fresh = has_body && head.extensions.get::<FreshConnection>().is_some();
        // HTTP/1.1 never says that a request was not looked at, so nothing is kept for it.
        let keeps = shared.versions.may_be_http2(&head.uri);
        let body = if keeps {
            ReplayBody::new(body)
        } else {
            ReplayBody::passing(body)
        };
        let again = keeps
            .then(|| Resend::new(Arc::clone(&shared.pooled), &head, &body))
            .flatten();
        let client = if fresh {
            &shared.fresh
        } else {
            &*shared.pooled
        };
        let patience = match again {
            Some(_) => LEFT_BEHIND,
            None => LEFT_BEHIND_FOR_GOOD,
        };
        let attempt = Attempt::new(client, Request::from_parts(head, body), patience);
        ResponseFuture::new(attempt, again, has_body, shared.request_timeout)
    }
}

impl<B> Clone for Client<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B> fmt::Debug for Client<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("proxy", &self.0.proxy)
            .field("request_timeout", &self.0.request_timeout)
            .finish_non_exhaustive()
    }
}
