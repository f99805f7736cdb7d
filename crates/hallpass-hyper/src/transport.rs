//! [`HyperTransport`]: token requests over hyper.

use std::{error::Error as StdError, fmt, io, time::Duration};

use bytes::Bytes;
use hallpass_core::adapter::{FreshConnection, SendOnce};
use hallpass_oauth2::transport::{BODY_LIMIT, Phase, Transport, TransportError};
use http::{HeaderValue, Request, Response, header::ACCEPT_ENCODING};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::CaptureConnection;

use crate::{
    Error, Proxy,
    attempt::{Attempt, Hyper, LEFT_BEHIND, LEFT_BEHIND_FOR_GOOD},
    coding,
    connector::causes,
    outgoing::announce_no_body,
    stream::Activity,
    unprocessed::Unprocessed,
};

/// Sends token requests over HTTP/1.1 or HTTP/2. Clones share its connections.
///
/// Redirects come back as answers. A request whose connection turns out to have died while it lay
/// idle is sent once more on a fresh one; not if the connection never answered anything, nor if
/// [`SendOnce`] is among the request's extensions, unless nothing of the request had left. One with
/// [`FreshConnection`] there gets a new connection at once. Answers are asked for uncoded; one in gzip
/// or deflate is decoded all the same, and any other coding is an error that names it.
///
/// It must be used on a tokio runtime with I/O and time enabled, which may be another each time.
#[derive(Clone)]
pub struct HyperTransport {
    pooled: Hyper<Full<Bytes>>,
    /// Has no pool, so that what goes through it never meets an old connection.
    fresh: Hyper<Full<Bytes>>,
    proxy: Proxy,
}

impl HyperTransport {
    pub(crate) fn new(pooled: Hyper<Full<Bytes>>, fresh: Hyper<Full<Bytes>>, proxy: Proxy) -> Self {
        Self {
            pooled,
            fresh,
            proxy,
        }
    }

    /// The request with what every token request needs.
    fn complete(&self, request: Request<Bytes>) -> Request<Bytes> {
        let (mut head, body) = request.into_parts();
        if body.is_empty() {
            announce_no_body(&mut head);
        }
        let identity = HeaderValue::from_static("identity");
        head.headers.entry(ACCEPT_ENCODING).or_insert(identity);
        self.proxy.authorize(&mut head);
        Request::from_parts(head, body)
    }

    async fn exchange(
        &self,
        request: Request<Bytes>,
        connection: &mut Option<CaptureConnection>,
    ) -> Result<Response<Bytes>, TransportError> {
        let request = self.complete(request);
        let once = request.extensions().get::<SendOnce>().is_some();
        let client = match request.extensions().get() {
            Some(FreshConnection) => &self.fresh,
            None => &self.pooled,
        };
        let mut send = |client, request: Request<Bytes>, patience| {
            let attempt = Attempt::new(client, request.map(Full::new), patience);
            *connection = Some(attempt.connection());
            attempt
        };
        let response = match send(client, request.clone(), LEFT_BEHIND).await {
            Err(error) if error.is_left_behind() || !once && met_a_dead_connection(&error) => {
                tracing::debug!(target: "hallpass", "the idle connection had died; sending the token request on a fresh one");
                send(&self.fresh, request, LEFT_BEHIND_FOR_GOOD).await
            }
            outcome => outcome,
        };
        let response = response.map_err(failure)?;
        Activity::answered(response.extensions());
        let (parts, body) = response.into_parts();
        coding::decode(Response::from_parts(parts, read(body).await?))
    }
}

impl Transport for HyperTransport {
    async fn send(
        &self,
        request: Request<Bytes>,
        limit: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let mut connection = None;
        let exchange = self.exchange(request, &mut connection);
        if let Ok(outcome) = tokio::time::timeout(limit, exchange).await {
            return outcome;
        }
        let connected = connection.as_ref().is_some_and(|connection| {
            match &*connection.connection_metadata() {
                Some(connected) => {
                    // A silent HTTP/2 connection may be dead, and would hold up the next attempt.
                    connected.poison();
                    true
                }
                None => false,
            }
        });
        Err(TransportError::new(if connected {
            Phase::ExchangeTimeout
        } else {
            Phase::ConnectTimeout
        }))
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport").finish_non_exhaustive()
    }
}

async fn read(body: Incoming) -> Result<Bytes, TransportError> {
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Err(TransportError::new(Phase::TooLarge));
    }
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(TransportError::new(Phase::TooLarge)),
        Err(error) => Err(TransportError::caused(Phase::Exchange, error)),
    }
}

fn failure(error: Error) -> TransportError {
    let phase = match error.is_connect() {
        true if error.is_timeout() => Phase::ConnectTimeout,
        true => Phase::Connect,
        // Nothing of it was sent.
        false if error.is_left_behind() => Phase::Connect,
        false => Phase::Exchange,
    };
    TransportError::caused(phase, error.into_cause())
}

/// Whether a connection that had answered before ended without a byte of this answer.
///
/// Then its server had most likely closed it before the request came. Should the server have acted
/// on the request all the same, there is one token more that nobody uses.
fn met_a_dead_connection(error: &Error) -> bool {
    error.hyper().is_some_and(|hyper| {
        let used = hyper.connect_info().is_some_and(Activity::has_answered);
        used && causes(hyper).any(is_end_of_connection)
    })
}

fn is_end_of_connection(cause: &(dyn StdError + 'static)) -> bool {
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        return error.is_canceled() || error.is_closed() || error.is_incomplete_message();
    }
    if let Some(error) = cause.downcast_ref::<h2::Error>() {
        return Unprocessed::of_http2(error).is_some();
    }
    cause.downcast_ref::<io::Error>().is_some_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::NotConnected
                | io::ErrorKind::UnexpectedEof
        )
    })
}
