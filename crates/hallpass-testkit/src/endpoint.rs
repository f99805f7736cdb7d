//! The switches for faults, one set per half of the server.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method};
use tokio::sync::watch;

use crate::challenge::Challenge;
use crate::fault::{Canned, Fault};
use crate::headers::{RetryAfter, header_map, header_value};
use crate::hold::{Gate, Hold};
use crate::journal::Entry;
use crate::lock::lock;
use crate::malformed::Malformed;
use crate::routes::{PathRule, RouteAnswer, Routes};
use crate::script::Script;

/// One half of the server: the token endpoint, or the API.
///
/// Faults that name a number of requests queue up; each arriving request takes the one
/// in front. Delays and holds come first and go with any fault. The request is judged
/// when it is answered, not when it arrives.
///
/// All methods return the endpoint, so that calls chain. A clone switches the same endpoint.
#[derive(Clone)]
pub struct Endpoint {
    state: Arc<Mutex<State>>,
    gate: Gate,
    close: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    script: Script<Fault>,
    routes: Routes,
    delays: VecDeque<Duration>,
    settings: Settings,
}

#[derive(Clone, Default)]
struct Settings {
    delay: Duration,
    retry_after: Option<HeaderValue>,
    challenge: Option<Challenge>,
    early: bool,
    close_each: bool,
}

/// What awaits one request, fixed at its arrival.
pub(crate) struct Plan {
    pub(crate) fault: Option<Fault>,
    pub(crate) rule: Option<PathRule>,
    pub(crate) retry_after: Option<HeaderValue>,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) early: bool,
    pub(crate) close: bool,
    delay: Duration,
}

impl Endpoint {
    pub(crate) fn new(close: watch::Sender<()>) -> Self {
        Self {
            state: Arc::default(),
            gate: Gate::new(),
            close,
        }
    }

    pub(crate) fn plan(&self, method: &Method, path: &str) -> Plan {
        let mut state = lock(&self.state);
        let delay = state.delays.pop_front().unwrap_or(state.settings.delay);
        let fault = state.script.take();
        let rule = state.routes.find(method, path);
        let Settings {
            retry_after,
            challenge,
            early,
            close_each,
            ..
        } = state.settings.clone();
        Plan {
            fault,
            rule,
            retry_after,
            challenge,
            early,
            close: close_each,
            delay,
        }
    }

    pub(crate) async fn wait(&self, plan: &Plan) {
        self.gate.pass().await;
        if !plan.delay.is_zero() {
            tokio::time::sleep(plan.delay).await;
        }
    }

    fn queue(&self, n: usize, fault: &Fault) -> &Self {
        lock(&self.state).script.queue(n, fault);
        self
    }

    fn change(&self, change: impl FnOnce(&mut Settings)) -> &Self {
        change(&mut lock(&self.state).settings);
        self
    }

    /// Answers the next `n` requests with `status` and an error body in the system's style.
    pub fn fail_next(&self, n: usize, status: u16) -> &Self {
        self.queue(n, &Fault::Fail(status))
    }

    /// Adds `Retry-After` to the answers of [`fail_next`](Self::fail_next) and [`down`](Self::down),
    /// ordered before or after.
    ///
    /// # Panics
    ///
    /// If the text cannot stand in a header.
    pub fn retry_after(&self, wait: impl Into<RetryAfter>) -> &Self {
        let value = header_value(&wait.into().0);
        self.change(|settings| settings.retry_after = Some(value))
    }

    /// Refuses the next `n` requests as if their valid token or secret were not.
    pub fn reject_next(&self, n: usize) -> &Self {
        self.queue(n, &Fault::Reject)
    }

    /// Refuses the next `n` requests with 401 before reading their bodies, and breaks the
    /// connection `later` without having announced it.
    ///
    /// Whatever a caller sends on that connection in between is lost.
    pub fn reject_unread_next(&self, n: usize, later: Duration) -> &Self {
        self.queue(n, &Fault::RejectUnread(later))
    }

    /// Breaks the connection in the middle of the next `n` answers, after the head and half the body.
    ///
    /// The work is done: a token was issued. Over HTTP/2 the stream is reset instead.
    pub fn cut_next(&self, n: usize) -> &Self {
        self.queue(n, &Fault::Cut)
    }

    /// Hangs up on the next `n` requests without a byte of answer. Over HTTP/2 the stream is reset.
    pub fn hang_up_next(&self, n: usize) -> &Self {
        self.queue(n, &Fault::HangUp)
    }

    /// Says of the next `n` requests that they have not been looked at: over HTTP/2 by
    /// `REFUSED_STREAM`, so that callers may send them again. Over HTTP/1.1 it hangs up.
    ///
    /// They stand in the journal without a body.
    pub fn refuse_stream_next(&self, n: usize) -> &Self {
        self.queue(n, &Fault::RefuseStream)
    }

    /// Takes in the next `n` requests and never answers them; [`hold`](Self::hold) can be released.
    pub fn hang_next(&self, n: usize) -> &Self {
        self.queue(n, &Fault::Hang)
    }

    /// Answers every request with `status`, behind whatever is queued, until [`up`](Self::up).
    ///
    /// An outage with 503, a rate limit with 429 and [`retry_after`](Self::retry_after).
    pub fn down(&self, status: u16) -> &Self {
        lock(&self.state).script.stand(Some(Fault::Fail(status)));
        self
    }

    /// Ends what [`down`](Self::down) began.
    pub fn up(&self) -> &Self {
        lock(&self.state).script.stand(None);
        self
    }

    /// Answers these requests with this JSON if they pass the usual check, in place of the echo.
    ///
    /// `at` is a path, or a method and a path; a segment in braces stands for any. Of several routes
    /// that fit, the one that was set last counts.
    ///
    /// ```
    /// # async fn example(server: &hallpass_testkit::Server) {
    /// use serde_json::json;
    ///
    /// server.api()
    ///     .route("/accounts", json!([{"id": 1}]))
    ///     .route("POST /accounts", (201, json!({"id": 2})))
    ///     .route("GET /accounts/{id}", (404, json!({"error": "not_found"})));
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If the method is none.
    pub fn route(&self, at: &str, answer: impl Into<RouteAnswer>) -> &Self {
        self.rule(at, PathRule::Answer(answer.into()))
    }

    /// Answers these requests with what the function makes of each, as [`route`](Self::route) does:
    /// pages, echoes of what was sent, an API with a memory.
    ///
    /// It runs at the time of the answer, behind the check, and must not wait for anything.
    ///
    /// ```
    /// # async fn example(server: &hallpass_testkit::Server) {
    /// use serde_json::json;
    ///
    /// server.api().route_with("GET /accounts", |request| match request.parameter("page") {
    ///     None => json!({"items": [1, 2], "next": "two"}),
    ///     Some(_) => json!({"items": [3], "next": null}),
    /// });
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If the method is none. A panic of the function hangs up on the caller.
    pub fn route_with<A>(
        &self,
        at: &str,
        answer: impl Fn(&Entry) -> A + Send + Sync + 'static,
    ) -> &Self
    where
        A: Into<RouteAnswer>,
    {
        let answer = move |request: &Entry| answer(request).into();
        self.rule(at, PathRule::Ask(Arc::new(answer)))
    }

    /// Accepts these requests if they pass the usual check, and sends their caller elsewhere; `at` is
    /// as for [`route`](Self::route).
    ///
    /// # Panics
    ///
    /// If the location cannot stand in a header, or the method is none.
    pub fn redirect(&self, at: &str, status: u16, location: &str) -> &Self {
        let location = header_value(location);
        self.rule(at, PathRule::Redirect { status, location })
    }

    /// Answers 401 there, whoever asks, as a misconfigured endpoint does; `at` is as for
    /// [`route`](Self::route).
    ///
    /// # Panics
    ///
    /// If the method is none.
    pub fn refuse(&self, at: &str) -> &Self {
        self.rule(at, PathRule::Refuse)
    }

    fn rule(&self, at: &str, rule: PathRule) -> &Self {
        lock(&self.state).routes.set(at, rule);
        self
    }

    /// Spoils the next `n` successful answers; a request that is refused is refused as usual.
    pub fn malformed_next(&self, n: usize, how: Malformed) -> &Self {
        self.queue(n, &Fault::Malformed(how))
    }

    /// Gives the next `n` requests this answer, whatever they asked.
    ///
    /// # Panics
    ///
    /// If a header's name or value is not valid HTTP.
    pub fn respond_next(
        &self,
        n: usize,
        status: u16,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> &Self {
        self.queue(
            n,
            &Fault::Respond(Canned::new(status, headers, body).into()),
        )
    }

    /// Like [`respond_next`](Self::respond_next), with trailers after the body.
    ///
    /// An empty body puts them right after the head. HTTP/1.1 sends only trailers that the
    /// `Trailer` header announces, to a caller that takes them.
    ///
    /// # Panics
    ///
    /// If a header's or trailer's name or value is not valid HTTP.
    pub fn respond_with_trailers_next(
        &self,
        n: usize,
        status: u16,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
        trailers: &[(&str, &str)],
    ) -> &Self {
        let mut canned = Canned::new(status, headers, body);
        canned.trailers = Some(header_map(trailers));
        self.queue(n, &Fault::Respond(canned.into()))
    }

    /// Ends the next `n` requests with this gRPC status in the head, a Trailers-Only answer.
    ///
    /// Only this and [`grpc_trailers_next`](Self::grpc_trailers_next) answer as gRPC does. A revoked
    /// or unknown token gets HTTP 401 without a gRPC status, as from a proxy, whatever the path.
    pub fn grpc_trailers_only_next(&self, n: usize, status: u16) -> &Self {
        self.queue(
            n,
            &Fault::Respond(Canned::grpc_trailers_only(status).into()),
        )
    }

    /// Ends the next `n` requests with this gRPC status in the trailers, after so many empty
    /// messages; without any the trailers follow right after the head. What else refuses a call is
    /// [no gRPC answer](Self::grpc_trailers_only_next).
    pub fn grpc_trailers_next(&self, n: usize, status: u16, messages: usize) -> &Self {
        self.queue(
            n,
            &Fault::Respond(Canned::grpc_trailers(status, messages).into()),
        )
    }

    /// Waits this long before each answer; zero ends it.
    pub fn delay(&self, delay: Duration) -> &Self {
        self.change(|settings| settings.delay = delay)
    }

    /// Waits this long before each of the next `n` answers, in place of [`delay`](Self::delay).
    pub fn delay_next(&self, n: usize, delay: Duration) -> &Self {
        lock(&self.state)
            .delays
            .extend(std::iter::repeat_n(delay, n));
        self
    }

    /// Keeps answers back until the returned guard is dropped; requests are taken in meanwhile.
    pub fn hold(&self) -> Hold {
        self.gate.hold()
    }

    /// Closes the server's idle connections now and the busy ones after their present answer.
    ///
    /// Both endpoints share one listener, so this is not limited to one of them.
    pub fn close_idle(&self) -> &Self {
        self.close.send_replace(());
        self
    }

    /// Whether to close the connection after each answer; `false` to begin with.
    pub fn close_each(&self, close: bool) -> &Self {
        self.change(|settings| settings.close_each = close)
    }

    /// Which challenge accompanies a 401, in place of the system's own.
    ///
    /// # Panics
    ///
    /// If a custom text cannot stand in a header.
    pub fn challenge(&self, challenge: Challenge) -> &Self {
        if let Challenge::Custom(text) = &challenge {
            header_value(text);
        }
        self.change(|settings| settings.challenge = Some(challenge))
    }

    /// Whether to answer before reading the request body where the answer does not depend on it;
    /// `false` to begin with.
    ///
    /// That is so for queued failures, rejections and canned answers, and on the API for
    /// every refusal.
    pub fn answer_early(&self, early: bool) -> &Self {
        self.change(|settings| settings.early = early)
    }

    /// Forgets everything queued and set here; holds stay with their guards.
    pub fn reset(&self) -> &Self {
        *lock(&self.state) = State::default();
        self
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        f.debug_struct("Endpoint")
            .field("faults", &state.script.queued())
            .field("down", &state.script.is_standing())
            .field("delay", &state.settings.delay)
            .finish_non_exhaustive()
    }
}
