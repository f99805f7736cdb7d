//! The API behind the proxies, with its token endpoint.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use hallpass_benches::served::{Served, with_json};
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::body::Incoming;
use serde_json::json;
use tokio::time::Instant;

use crate::Outcome;

pub(crate) const ID: &str = "proxy";
pub(crate) const SECRET: &str = "not-a-real-secret";

pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    /// It ends with this.
    _served: Served,
}

struct State {
    lifetime: Duration,
    /// Until when each token is good.
    good: RwLock<HashMap<String, Instant>>,
    down: AtomicBool,
    token_requests: AtomicU64,
    refused: AtomicU64,
    /// Bytes of uploads that were accepted.
    uploaded: AtomicU64,
}

impl Api {
    pub(crate) fn start(lifetime: Duration) -> Outcome<Self> {
        let state = Arc::new(State {
            lifetime,
            good: RwLock::default(),
            down: AtomicBool::new(false),
            token_requests: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            uploaded: AtomicU64::new(0),
        });
        let serving = Arc::clone(&state);
        let served = Served::start(move |request| answer(request, Arc::clone(&serving)))?;
        Ok(Self {
            address: served.address,
            state,
            _served: served,
        })
    }

    pub(crate) fn token_url(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// A token, as an operator would copy one into a configuration.
    pub(crate) fn issue(&self) -> String {
        self.state.issue()
    }

    pub(crate) fn revoke_all(&self) {
        let mut good = self
            .state
            .good
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        good.clear();
    }

    /// Whether the token endpoint answers 503.
    pub(crate) fn set_down(&self, down: bool) {
        self.state.down.store(down, SeqCst);
    }

    pub(crate) fn token_requests(&self) -> u64 {
        self.state.token_requests.load(SeqCst)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.state.refused.load(SeqCst)
    }

    pub(crate) fn uploaded(&self) -> u64 {
        self.state.uploaded.load(SeqCst)
    }
}

impl State {
    fn issue(&self) -> String {
        let number = self.token_requests.fetch_add(1, SeqCst);
        // As long as signed tokens are.
        let token = format!("{number:08}{}", "t".repeat(900));
        let until = Instant::now() + self.lifetime;
        let mut good = self.good.write().unwrap_or_else(PoisonError::into_inner);
        good.insert(token.clone(), until);
        token
    }

    fn accepts(&self, header: Option<&HeaderValue>) -> bool {
        let token = header
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let good = self.good.read().unwrap_or_else(PoisonError::into_inner);
        token.is_some_and(|token| good.get(token).is_some_and(|until| Instant::now() < *until))
    }
}

async fn answer(request: Request<Incoming>, state: Arc<State>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(Collected::to_bytes);
    if head.uri.path() == "/token" {
        return token(&state);
    }
    if state.accepts(head.headers.get(AUTHORIZATION)) {
        let length = body.map_or(0, |body| body.len() as u64);
        state.uploaded.fetch_add(length, SeqCst);
        return with_json(StatusCode::OK, "{\"ok\":true}".to_owned());
    }
    state.refused.fetch_add(1, SeqCst);
    let mut refusal = with_json(StatusCode::UNAUTHORIZED, "{}".to_owned());
    let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    refusal.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    refusal
}

fn token(state: &State) -> Response<Full<Bytes>> {
    if state.down.load(SeqCst) {
        return with_json(StatusCode::SERVICE_UNAVAILABLE, String::new());
    }
    let answer = json!({
        "access_token": state.issue(),
        "token_type": "Bearer",
        "expires_in": state.lifetime.as_secs(),
    });
    with_json(StatusCode::OK, answer.to_string())
}
