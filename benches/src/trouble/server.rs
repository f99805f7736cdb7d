//! The server on loopback: the token endpoint and the API, in a thread of their own.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::json;

use super::{
    contender::Place,
    program::Program,
    stage::{Reply, Stage},
};
use crate::served::{Served, with_json};

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
    /// It ends with this.
    _served: Served,
}

impl Server {
    pub(super) fn start(program: &Program) -> std::io::Result<Self> {
        let stage = Arc::new(Stage::new(program));
        let serving = Arc::clone(&stage);
        let served = Served::start(move |request| answer(request, Arc::clone(&serving)))?;
        let api = format!("http://{}", served.address);
        Ok(Self {
            stage,
            place: Place {
                token_url: format!("{api}{TOKEN}"),
                api,
            },
            _served: served,
        })
    }
}

async fn answer(request: Request<Incoming>, stage: Arc<Stage>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let whole = body.collect().await.is_ok();
    if head.uri.path() == TOKEN {
        return token(&stage).await;
    }
    if head.uri.path() == PULSE {
        return with_json(StatusCode::OK, String::new());
    }
    let post = (head.method == Method::POST)
        .then(|| id(&head.headers))
        .flatten();
    let token = bearer(&head.headers).unwrap_or_default();
    if whole && head.uri.path() != BAD && stage.accepts(token, post) {
        return with_json(StatusCode::OK, "{\"ok\":true}".into());
    }
    let mut refusal = with_json(StatusCode::UNAUTHORIZED, "{}".into());
    let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    refusal.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    refusal
}

async fn token(stage: &Stage) -> Response<Full<Bytes>> {
    match stage.asked() {
        Reply::Token { value, expires_in } => {
            let token = json!({
                "access_token": value,
                "token_type": "Bearer",
                "expires_in": expires_in,
            });
            with_json(StatusCode::OK, token.to_string())
        }
        Reply::Unavailable => with_json(StatusCode::SERVICE_UNAVAILABLE, String::new()),
        Reply::Busy { retry_after } => {
            let mut busy = with_json(StatusCode::TOO_MANY_REQUESTS, String::new());
            busy.headers_mut().insert(RETRY_AFTER, retry_after.into());
            busy
        }
        Reply::Never => std::future::pending().await,
    }
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
