//! The server on loopback: the token endpoint and the API, in a thread of their own.

use std::{convert::Infallible, net::TcpListener, sync::Arc, thread};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{net::TcpStream, sync::oneshot};

use super::{
    contender::Place,
    program::Program,
    stage::{Reply, Stage},
};

/// Refuses every token.
pub(super) const BAD: &str = "/bad";
/// Wants no token.
pub(super) const PULSE: &str = "/pulse";
/// The header with a POST's number.
pub(super) const ID: &str = "x-call";
const TOKEN: &str = "/token";

pub(super) struct Server {
    pub(super) stage: Arc<Stage>,
    pub(super) place: Place,
    /// The server ends with it.
    _end: oneshot::Sender<()>,
}

impl Server {
    pub(super) fn start(program: &Program) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let api = format!("http://{}", listener.local_addr()?);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stage = Arc::new(Stage::new(program));
        let (end, ended) = oneshot::channel();
        let serving = Arc::clone(&stage);
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = ended => {}
                    _ = accept(listener, serving) => {}
                }
            });
        });
        Ok(Self {
            stage,
            place: Place {
                token_url: format!("{api}{TOKEN}"),
                api,
            },
            _end: end,
        })
    }
}

async fn accept(listener: TcpListener, stage: Arc<Stage>) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, Arc::clone(&stage)));
    }
}

async fn serve(stream: TcpStream, stage: Arc<Stage>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(request, Arc::clone(&stage)));
    // A connection that breaks shows on the other side.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    stage: Arc<Stage>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let whole = body.collect().await.is_ok();
    if head.uri.path() == TOKEN {
        return Ok(token(&stage).await);
    }
    if head.uri.path() == PULSE {
        return Ok(with(StatusCode::OK, String::new()));
    }
    let post = (head.method == Method::POST)
        .then(|| id(&head.headers))
        .flatten();
    let token = bearer(&head.headers).unwrap_or_default();
    if whole && head.uri.path() != BAD && stage.accepts(token, post) {
        return Ok(with(StatusCode::OK, "{\"ok\":true}".into()));
    }
    let mut refusal = with(StatusCode::UNAUTHORIZED, "{}".into());
    let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    refusal.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    Ok(refusal)
}

async fn token(stage: &Stage) -> Response<Full<Bytes>> {
    match stage.asked() {
        Reply::Token { value, expires_in } => {
            let token = json!({
                "access_token": value,
                "token_type": "Bearer",
                "expires_in": expires_in,
            });
            with(StatusCode::OK, token.to_string())
        }
        Reply::Unavailable => with(StatusCode::SERVICE_UNAVAILABLE, String::new()),
        Reply::Busy { retry_after } => {
            let mut busy = with(StatusCode::TOO_MANY_REQUESTS, String::new());
            busy.headers_mut().insert(RETRY_AFTER, retry_after.into());
            busy
        }
        Reply::Never => std::future::pending().await,
    }
}

fn with(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn id(headers: &HeaderMap) -> Option<u64> {
    headers.get(ID)?.to_str().ok()?.parse().ok()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}
