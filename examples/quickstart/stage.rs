//! [`Stage`]: one system's server, its client, and the count of what was sent.

use std::time::Duration;

use bytes::Bytes;
use hallpass::{Attempt, BearerLayer, BearerService, Cached, Error, tower::ReplayBody};
use hallpass_testkit::{ExpiresIn, Server};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tokio::time::Instant;
use tower::{Layer as _, ServiceExt as _};

use crate::story::Story;

pub(crate) type Body = Full<Bytes>;
pub(crate) type Client = BearerService<hallpass::hyper::Client<ReplayBody<Body>>>;

/// One system, on stage.
pub(crate) struct Stage {
    pub(crate) story: Story,
    pub(crate) server: Server,
    pub(crate) cached: Cached,
    pub(crate) client: Client,
    /// The path of the call that is made again and again.
    pub(crate) path: &'static str,
    pub(crate) calls: usize,
    pub(crate) failed: usize,
    pub(crate) replays: usize,
}

/// What came of one call.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Whatever the answer was; none if there was no answer.
    pub(crate) status: Option<StatusCode>,
    pub(crate) generation: u64,
    pub(crate) waited: bool,
    pub(crate) replayed: bool,
    pub(crate) body: Bytes,
}

impl Stage {
    pub(crate) fn new(
        title: &'static str,
        start: Instant,
        server: Server,
        cached: Cached,
    ) -> Result<Self, Error> {
        Ok(Self {
            story: Story::new(title, start),
            client: client(&cached)?,
            server,
            cached,
            path: "/",
            calls: 0,
            failed: 0,
            replays: 0,
        })
    }

    /// Makes one call, which is expected to be answered with this status.
    pub(crate) async fn call(&mut self, request: Request<Body>, expected: u16) -> Seen {
        let client = self.client.clone();
        self.call_with(client, request, expected).await
    }

    pub(crate) async fn call_with(
        &mut self,
        client: Client,
        request: Request<Body>,
        expected: u16,
    ) -> Seen {
        let request = self.addressed(request);
        let seen = send(client, request).await;
        self.count(&seen, expected);
        seen
    }

    /// The request with this server's address before its path.
    pub(crate) fn addressed(&self, request: Request<Body>) -> Request<Body> {
        let (mut parts, body) = request.into_parts();
        if let Ok(uri) = format!("{}{}", self.server.url(), parts.uri).parse() {
            parts.uri = uri;
        }
        Request::from_parts(parts, body)
    }

    pub(crate) fn count(&mut self, seen: &Seen, expected: u16) {
        self.calls += 1;
        self.replays += usize::from(seen.replayed);
        self.failed += usize::from(!seen.is(expected));
    }

    /// How many requests have reached the token endpoint.
    pub(crate) fn token_requests(&self) -> usize {
        self.server.journal().token_requests()
    }

    /// From now on the server's tokens live as long as its vendor's do.
    pub(crate) fn normal_lifetime(&self, seconds: u64) {
        self.server.set_token_lifetime(Duration::from_secs(seconds));
        self.server.set_expires_in(ExpiresIn::Seconds);
    }
}

impl Seen {
    pub(crate) fn is(&self, status: u16) -> bool {
        self.status.is_some_and(|seen| seen == status)
    }
}

/// What users write: the layer over a client.
pub(crate) fn client(cached: &Cached) -> Result<Client, Error> {
    // A plain http URL can't agree on HTTP/2 as https does, and a thousand calls at once should
    // not need a thousand connections.
    let http = hallpass::hyper::Builder::new().http2_only().client()?;
    Ok(BearerLayer::new(cached.clone())
        .report_attempts()
        .layer(http))
}

pub(crate) fn get(path: &'static str) -> Request<Body> {
    with_path(path, Request::new(Body::default()))
}

pub(crate) fn post(path: &'static str, body: &'static str) -> Request<Body> {
    let mut request = with_path(path, Request::new(Body::from(body)));
    *request.method_mut() = http::Method::POST;
    request
}

fn with_path(path: &'static str, mut request: Request<Body>) -> Request<Body> {
    *request.uri_mut() = http::Uri::from_static(path);
    request
}

/// Sends a request and reads the whole answer.
pub(crate) async fn send(client: Client, request: Request<Body>) -> Seen {
    match client.oneshot(request).await {
        Ok(response) => read(response).await,
        Err(_) => Seen::default(),
    }
}

pub(crate) async fn read<B: http_body::Body>(response: http::Response<B>) -> Seen {
    let (parts, body) = response.into_parts();
    let attempt = parts.extensions.get::<Attempt>();
    let Ok(body) = body.collect().await else {
        return Seen::default();
    };
    Seen {
        status: Some(parts.status),
        generation: attempt.map_or(0, |attempt| attempt.generation),
        waited: attempt.is_some_and(|attempt| attempt.waited),
        replayed: attempt.is_some_and(|attempt| attempt.replayed),
        body: body.to_bytes(),
    }
}
