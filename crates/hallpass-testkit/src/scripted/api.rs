//! [`ScriptedApi`]: a protected API as a tower service.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use serde_json::json;
use tower_service::Service;

use crate::answer::status_code;
use crate::client::BasicEncoding;
use crate::credentials::Authorization;
use crate::hold::Hold;
use crate::lock::lock;
use crate::routes::{PathRule, RouteAnswer, Routes};
use crate::script::Script;
use crate::scripted::ScriptedSource;
use crate::store::Store;
use crate::traffic::Traffic;

/// An API that accepts the living tokens of one [`ScriptedSource`], to be put below a layer in
/// tests with paused time; clones share everything.
///
/// A request without a living token is answered 401 with a challenge, any other 200 with a short
/// JSON. Bodies are read to their end. Like every tower service it has to be polled ready, on the
/// very instance, before each call.
///
/// ```
/// use std::time::Duration;
/// use hallpass_testkit::{ScriptedApi, ScriptedSource};
///
/// let source = ScriptedSource::tokens(Duration::from_secs(300));
/// let api = ScriptedApi::new(&source);
/// api.latency(Duration::from_millis(20))
///     .replication_lag(Duration::from_secs(2))
///     .refuse("/broken");
/// // … BearerLayer::new(source).layer(api.clone()) …
/// assert_eq!(api.with_status(401), 0);
/// ```
pub struct ScriptedApi {
    shared: Arc<Shared>,
    ready: bool,
}

struct Shared {
    store: Arc<Mutex<Store>>,
    state: Mutex<State>,
    traffic: Traffic,
}

#[derive(Default)]
struct State {
    script: Script<StatusCode>,
    routes: Routes,
    counts: HashMap<(String, u16), usize>,
    /// In the order of their first coming.
    tokens: Vec<String>,
}

impl ScriptedApi {
    /// An API for the tokens of `source`.
    pub fn new(source: &ScriptedSource) -> Self {
        Self {
            shared: Arc::new(Shared {
                store: source.store(),
                state: Mutex::default(),
                traffic: Traffic::new(),
            }),
            ready: false,
        }
    }

    /// How long each answer takes from now on, by tokio's clock.
    pub fn latency(&self, latency: Duration) -> &Self {
        self.shared.traffic.set_latency(latency);
        self
    }

    /// Keeps answers back until the returned guard is dropped.
    pub fn hold(&self) -> Hold {
        self.shared.traffic.gate.hold()
    }

    /// How long new tokens are refused.
    ///
    /// It holds for every API of the same source.
    pub fn replication_lag(&self, lag: Duration) -> &Self {
        lock(&self.shared.store).lag = lag;
        self
    }

    /// Answers 401 there, whoever asks, as a misconfigured endpoint does; `at` is as for
    /// [`Endpoint::route`](crate::Endpoint::route).
    ///
    /// # Panics
    ///
    /// If the method is none.
    pub fn refuse(&self, at: &str) -> &Self {
        self.rule(at, PathRule::Refuse)
    }

    /// Answers these requests with this JSON if their token lives; `at` is as for
    /// [`Endpoint::route`](crate::Endpoint::route).
    ///
    /// # Panics
    ///
    /// If the method is none.
    pub fn route(&self, at: &str, answer: impl Into<RouteAnswer>) -> &Self {
        self.rule(at, PathRule::Answer(answer.into()))
    }

    fn rule(&self, at: &str, rule: PathRule) -> &Self {
        lock(&self.shared.state).routes.set(at, rule);
        self
    }

    /// Answers the next `n` requests with `status`, whatever they carry.
    pub fn respond_next(&self, n: usize, status: u16) -> &Self {
        let status = status_code(status);
        lock(&self.shared.state).script.queue(n, &status);
        self
    }

    /// Answers every request with `status`, behind whatever is queued, until [`up`](Self::up).
    pub fn down(&self, status: u16) -> &Self {
        let status = status_code(status);
        lock(&self.shared.state).script.stand(Some(status));
        self
    }

    /// Ends what [`down`](Self::down) began.
    pub fn up(&self) -> &Self {
        lock(&self.shared.state).script.stand(None);
        self
    }

    /// How many requests came, answered or not.
    pub fn requests(&self) -> usize {
        self.shared.traffic.calls()
    }

    /// How many requests were under way at once at most.
    pub fn max_in_flight(&self) -> usize {
        self.shared.traffic.max_in_flight()
    }

    /// How many requests their caller gave up before they were answered.
    pub fn dropped(&self) -> usize {
        self.shared.traffic.dropped()
    }

    /// How many requests were answered with `status`.
    pub fn with_status(&self, status: u16) -> usize {
        self.count(|_, answered| answered == status)
    }

    /// How many requests for `path` were answered with `status`.
    pub fn path_with_status(&self, path: &str, status: u16) -> usize {
        self.count(|asked, answered| asked == path && answered == status)
    }

    fn count(&self, counts: impl Fn(&str, u16) -> bool) -> usize {
        let state = lock(&self.shared.state);
        let counted = state.counts.iter();
        counted
            .filter(|((path, status), _)| counts(path, *status))
            .map(|(_, count)| count)
            .sum()
    }

    /// The different bearer tokens that came, in the order of their first coming.
    pub fn tokens(&self) -> Vec<String> {
        lock(&self.shared.state).tokens.clone()
    }
}

impl Shared {
    fn answer(&self, parts: &Parts) -> Response<Full<Bytes>> {
        let path = parts.uri.path();
        let token = match Authorization::read(parts, BasicEncoding::Raw) {
            Authorization::Bearer(token) | Authorization::Dpop(token) => Some(token),
            _ => None,
        };
        let holder = token
            .as_deref()
            .and_then(|token| lock(&self.store).holder(token));
        let mut state = lock(&self.state);
        let echo = || json!({"path": path, "method": parts.method.as_str()}).to_string();
        let rule = state.routes.find(&parts.method, path);
        let response = match (state.script.take(), rule) {
            (Some(status), _) => respond(status, Bytes::new()),
            (None, Some(PathRule::Refuse)) => respond(StatusCode::UNAUTHORIZED, Bytes::new()),
            _ if holder.is_none() => respond(StatusCode::UNAUTHORIZED, Bytes::new()),
            (None, Some(PathRule::Answer(answer))) => {
                let answer = answer.into_answer();
                let mut response = Response::new(Full::new(answer.body));
                *response.status_mut() = answer.status;
                *response.headers_mut() = answer.headers;
                response
            }
            (None, _) => respond(StatusCode::OK, echo().into()),
        };
        let count = (path.to_owned(), response.status().as_u16());
        *state.counts.entry(count).or_default() += 1;
        if let Some(token) = token.filter(|token| !state.tokens.contains(token)) {
            state.tokens.push(token);
        }
        response
    }
}

fn respond(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let (name, value) = match status {
        StatusCode::UNAUTHORIZED => (WWW_AUTHENTICATE, "Bearer error=\"invalid_token\""),
        _ => (CONTENT_TYPE, "application/json"),
    };
    let headers = response.headers_mut();
    headers.insert(name, HeaderValue::from_static(value));
    response
}

impl Clone for ScriptedApi {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            // Readiness belongs to the instance that was polled.
            ready: false,
        }
    }
}

impl<B> Service<Request<B>> for ScriptedApi
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Full<Bytes>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response<Full<Bytes>>>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    /// # Panics
    ///
    /// If it was not polled ready before.
    fn call(&mut self, request: Request<B>) -> Self::Future {
        assert!(self.ready, "called without having been polled ready");
        self.ready = false;
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let call = shared.traffic.enter();
            let (parts, body) = request.into_parts();
            let mut body = pin!(body);
            while let Some(frame) = body.frame().await {
                // The caller broke off; there is nobody to answer.
                frame.map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?;
            }
            call.wait().await;
            let response = shared.answer(&parts);
            call.answered();
            Ok(response)
        })
    }
}

impl fmt::Debug for ScriptedApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedApi")
            .field("requests", &self.requests())
            .finish_non_exhaustive()
    }
}
