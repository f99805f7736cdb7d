//! [`ScriptedTransport`]: a token endpoint without a network.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hallpass_oauth2::transport::{Phase, Transport, TransportError};
use http::{Request, Response};

use crate::answer::{Answer, status_code};
use crate::client::Client;
use crate::fault::Canned;
use crate::fields::Fields;
use crate::headers::{RetryAfter, header_value};
use crate::hold::Hold;
use crate::lock::lock;
use crate::minting::{Minting, Reissue};
use crate::script::Script;
use crate::store::Store;
use crate::traffic::Traffic;

/// A [`Transport`] with a script, which counts, for tests of sources with paused time; clones share
/// everything.
///
/// It answers every request as a token endpoint does that is content, with `token-1`, `token-2` and
/// so on, and keeps to the limit that each request is given. What is queued (`…_next`) comes first,
/// then an outage ([`down`](Self::down)) while there is one.
///
/// ```
/// use std::time::Duration;
/// use hallpass_oauth2::transport::Phase;
/// use hallpass_testkit::ScriptedTransport;
///
/// let transport = ScriptedTransport::tokens(Duration::from_secs(300));
/// transport
///     .break_next(1, Phase::Connect)
///     .respond_next(1, 429, &[("retry-after", "3")], "")
///     .latency(Duration::from_millis(100));
/// // … ClientCredentials::at("https://auth.example.com/token") … .build(transport.clone())
/// assert_eq!(transport.requests().len(), 0);
/// ```
#[derive(Clone)]
pub struct ScriptedTransport(Arc<Inner>);

struct Inner {
    store: Mutex<Store>,
    script: Mutex<Script<Step>>,
    traffic: Traffic,
    requests: Mutex<Vec<Request<Bytes>>>,
}

#[derive(Clone)]
enum Step {
    Respond(Box<Canned>),
    Break(Phase),
    Hang,
}

impl ScriptedTransport {
    /// An endpoint that issues tokens with this lifetime, a new one for each request.
    pub fn tokens(lifetime: Duration) -> Self {
        let store = Store::new(Minting::numbered(lifetime));
        Self(Arc::new(Inner {
            store: Mutex::new(store),
            script: Mutex::default(),
            traffic: Traffic::new(),
            requests: Mutex::default(),
        }))
    }

    fn queue(&self, n: usize, step: &Step) -> &Self {
        lock(&self.0.script).queue(n, step);
        self
    }

    /// Gives the next `n` requests this answer.
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
        self.queue(n, &Step::Respond(Canned::new(status, headers, body).into()))
    }

    /// Fails the next `n` exchanges in this phase.
    pub fn break_next(&self, n: usize, phase: Phase) -> &Self {
        self.queue(n, &Step::Break(phase))
    }

    /// Never answers the next `n` requests; their own limit ends them.
    pub fn hang_next(&self, n: usize) -> &Self {
        self.queue(n, &Step::Hang)
    }

    /// Answers every request that nothing is queued for with `status`, until [`up`](Self::up).
    pub fn down(&self, status: u16) -> &Self {
        self.stand(Some(Step::Respond(Canned::new(status, &[], "").into())))
    }

    /// Like [`down`](Self::down) with 429 and a `Retry-After`.
    ///
    /// # Panics
    ///
    /// If the text cannot stand in a header.
    pub fn rate_limited(&self, wait: impl Into<RetryAfter>) -> &Self {
        let mut canned = Canned::new(429, &[], "");
        let wait = header_value(&wait.into().0);
        canned.headers.insert(http::header::RETRY_AFTER, wait);
        self.stand(Some(Step::Respond(canned.into())))
    }

    /// Leaves every request that nothing is queued for without an answer, until [`up`](Self::up).
    pub fn hang(&self) -> &Self {
        self.stand(Some(Step::Hang))
    }

    /// Ends what [`down`](Self::down), [`rate_limited`](Self::rate_limited) or [`hang`](Self::hang)
    /// began.
    pub fn up(&self) -> &Self {
        self.stand(None)
    }

    fn stand(&self, step: Option<Step>) -> &Self {
        lock(&self.0.script).stand(step);
        self
    }

    /// How long each answer takes from now on, by tokio's clock.
    pub fn latency(&self, latency: Duration) -> &Self {
        self.0.traffic.set_latency(latency);
        self
    }

    /// Keeps answers back until the returned guard is dropped.
    pub fn hold(&self) -> Hold {
        self.0.traffic.gate.hold()
    }

    /// What a request gets from now on while the last token lives, such as the same one again.
    pub fn set_reissue(&self, reissue: Reissue) -> &Self {
        lock(&self.0.store).minting.reissue = reissue;
        self
    }

    /// Every request so far, bodies and headers included.
    pub fn requests(&self) -> Vec<Request<Bytes>> {
        lock(&self.0.requests).clone()
    }

    /// How many requests were under way at once at most.
    pub fn max_in_flight(&self) -> usize {
        self.0.traffic.max_in_flight()
    }

    /// How many exchanges were dropped before they ended.
    pub fn dropped(&self) -> usize {
        self.0.traffic.dropped()
    }

    fn issue(&self) -> Response<Bytes> {
        let client = Client::new("scripted", "", None);
        let mut store = lock(&self.0.store);
        let issued = store.issue("scripted", &client, None, None);
        let expires_in = store.minting.expires_in.write(issued.left);
        let fields = Fields::default()
            .with("access_token", issued.token)
            .with("token_type", "Bearer")
            .maybe("expires_in", expires_in);
        let answer = Answer::json(200, &fields);
        response(answer.status.as_u16(), answer.headers, answer.body)
    }
}

fn response(status: u16, headers: http::HeaderMap, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status_code(status);
    *response.headers_mut() = headers;
    response
}

impl Transport for ScriptedTransport {
    async fn send(
        &self,
        request: Request<Bytes>,
        limit: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let call = self.0.traffic.enter();
        lock(&self.0.requests).push(request);
        let step = lock(&self.0.script).take();
        let waiting = async {
            call.wait().await;
            if matches!(step, Some(Step::Hang)) {
                std::future::pending::<()>().await;
            }
        };
        let outcome = match (tokio::time::timeout(limit, waiting).await, step) {
            (Err(_), _) | (Ok(()), Some(Step::Hang)) => {
                Err(TransportError::new(Phase::ExchangeTimeout))
            }
            (Ok(()), Some(Step::Break(phase))) => Err(TransportError::new(phase)),
            (Ok(()), Some(Step::Respond(canned))) => {
                Ok(response(canned.status, canned.headers, canned.body))
            }
            (Ok(()), None) => Ok(self.issue()),
        };
        call.answered();
        outcome
    }
}

impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedTransport")
            .field("queued", &lock(&self.0.script).queued())
            .field("requests", &self.0.traffic.calls())
            .finish_non_exhaustive()
    }
}
