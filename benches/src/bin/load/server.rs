//! The server: an API that checks tokens, and the endpoint that issues them.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::Instant,
};

use crate::{Outcome, Protocol, token};

/// How long a token lives.
pub(crate) const LIFETIME: Duration = Duration::from_secs(2);
/// More than are ever in flight.
const STREAMS: u32 = 4000;

#[derive(Clone)]
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    start: Instant,
    /// The keys that tokens must be signed with at least; revocation changes them.
    keys: AtomicU32,
    token_requests: AtomicU64,
    held: AtomicUsize,
    release: watch::Sender<bool>,
}

impl Server {
    pub(crate) async fn start(protocol: Protocol) -> Outcome<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let server = Self {
            address: listener.local_addr()?,
            state: Arc::new(State {
                start: Instant::now(),
                keys: AtomicU32::new(1),
                token_requests: AtomicU64::new(0),
                held: AtomicUsize::new(0),
                release: watch::Sender::new(false),
            }),
        };
        let state = Arc::clone(&server.state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, protocol, Arc::clone(&state)));
            }
        });
        Ok(server)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn token_requests(&self) -> u64 {
        self.state.token_requests.load(SeqCst)
    }

    /// How many calls are at `/hold`.
    pub(crate) fn held(&self) -> usize {
        self.state.held.load(SeqCst)
    }

    /// Makes every token that was issued so far worthless, and lets the held calls go on.
    pub(crate) fn revoke_all(&self) {
        self.state.keys.fetch_add(1, SeqCst);
        self.state.release.send_replace(true);
    }
}

async fn serve(stream: TcpStream, protocol: Protocol, state: Arc<State>) {
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(stream);
    let service = service_fn(move |request| answer(request, Arc::clone(&state)));
    // A connection that breaks shows on the other side.
    match protocol {
        Protocol::Http1 => drop(http1::Builder::new().serve_connection(io, service).await),
        Protocol::Http2 => drop(
            http2::Builder::new(TokioExecutor::new())
                .max_concurrent_streams(STREAMS)
                .serve_connection(io, service)
                .await,
        ),
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    drop(body.collect().await);
    if head.uri.path() == "/token" {
        return Ok(Response::new(state.issue()));
    }
    if head.uri.path() == "/hold" && !*state.release.borrow() {
        state.held.fetch_add(1, SeqCst);
        drop(state.release.subscribe().wait_for(|open| *open).await);
    }
    let header = head.headers.get(AUTHORIZATION);
    let good = header.is_some_and(|header| {
        token::is_good(
            header.as_bytes(),
            state.keys.load(SeqCst),
            state.now_in_millis(),
        )
    });
    let mut response = Response::new(Full::new(Bytes::from_static(b"{\"ok\":true}")));
    if !good {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    Ok(response)
}

impl State {
    fn now_in_millis(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    fn issue(&self) -> Full<Bytes> {
        let number = self.token_requests.fetch_add(1, SeqCst);
        let ends = self.now_in_millis() + LIFETIME.as_millis() as u64;
        let token = token::issue(self.keys.load(SeqCst), ends, number);
        let answer = json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": LIFETIME.as_secs(),
        });
        Full::new(answer.to_string().into())
    }
}
