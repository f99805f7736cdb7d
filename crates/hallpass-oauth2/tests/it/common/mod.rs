//! A transport that answers from a script and keeps what it was sent.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

pub(crate) mod events;
pub(crate) mod jws;
pub(crate) mod proofs;
pub(crate) mod protected;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{Credential, CredentialSource, Error, Fetch};
use hallpass_oauth2::{
    ClientCredentials, Profile, TokenRequest, Transport,
    transport::{Phase, TransportError},
};
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::time::Instant;

pub(crate) const URL: &str = "https://auth.example.com/token";
pub(crate) const TOKEN: &str = r#"{"access_token":"t0ken","token_type":"Bearer","expires_in":300}"#;

pub(crate) enum Step {
    Answer(Response<Bytes>),
    Fail(Phase),
    /// Never answers, whatever the limit.
    Hang,
}

impl Step {
    pub(crate) fn ok(body: impl Into<Bytes>) -> Self {
        Self::status(200, body)
    }

    pub(crate) fn status(status: u16, body: impl Into<Bytes>) -> Self {
        let mut answer = Response::new(body.into());
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        Self::Answer(answer)
    }

    pub(crate) fn with(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Answer(mut answer) => {
                answer.headers_mut().insert(name, value.parse().unwrap());
                Self::Answer(answer)
            }
            other => other,
        }
    }
}

pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) at: Instant,
    pub(crate) limit: Duration,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

#[derive(Clone, Default)]
pub(crate) struct Script {
    steps: Arc<Mutex<VecDeque<Step>>>,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
}

impl Script {
    pub(crate) fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        let script = Self::default();
        script.steps.lock().unwrap().extend(steps);
        script
    }

    /// Adds to what is answered.
    pub(crate) fn then(&self, steps: impl IntoIterator<Item = Step>) {
        self.steps.lock().unwrap().extend(steps);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    /// How many requests there were since they were last taken.
    pub(crate) fn seen_count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "expected one request");
        seen.remove(0)
    }
}

impl Transport for Script {
    async fn send(
        &self,
        request: Request<Bytes>,
        limit: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        self.seen.lock().unwrap().push(Seen {
            method: request.method().to_string(),
            uri: request.uri().to_string(),
            headers: request.headers().clone(),
            body: String::from_utf8(request.body().to_vec()).unwrap(),
            at: Instant::now(),
            limit,
        });
        let step = self.steps.lock().unwrap().pop_front();
        match step.expect("a request beyond the script") {
            Step::Answer(answer) => Ok(answer),
            Step::Fail(phase) => Err(TransportError::new(phase)),
            Step::Hang => std::future::pending().await,
        }
    }
}

pub(crate) async fn fetch(source: &impl CredentialSource) -> Result<Credential, Error> {
    source.fetch(&Fetch::first()).await
}

/// What it puts into the API's header.
pub(crate) async fn value(source: &impl CredentialSource) -> String {
    let credential = fetch(source).await.unwrap();
    credential.header_value().to_str().unwrap().to_owned()
}

/// An answer with this token.
pub(crate) fn token(text: &str) -> Step {
    Step::ok(format!(
        r#"{{"access_token":"{text}","token_type":"Bearer","expires_in":86400,"issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}}"#
    ))
}

pub(crate) fn refused(code: &str) -> Step {
    Step::status(400, format!(r#"{{"error":"{code}"}}"#))
}

/// The least that a profile holds.
pub(crate) const PLAIN: &str = "token_url = \"https://auth.example.com/token\"\n";

/// A client of a profile with these lines beside the least.
pub(crate) fn with(lines: &str) -> TokenRequest {
    let profile = Profile::from_toml(&format!("{PLAIN}{lines}")).unwrap();
    profile.client("my-client", "s3cret")
}

pub(crate) fn client() -> TokenRequest {
    ClientCredentials::at(URL).basic("my-client", "s3cret")
}

/// What comes of one fetch that is answered like this.
pub(crate) async fn outcome(builder: TokenRequest, step: Step) -> Result<Credential, Error> {
    fetch(&builder.build(Script::of([step])).unwrap()).await
}

/// What one fetch of this builder sends.
pub(crate) async fn sent(builder: TokenRequest) -> Seen {
    let script = Script::of([Step::ok(TOKEN)]);
    fetch(&builder.build(script.clone()).unwrap())
        .await
        .unwrap();
    script.only()
}

pub(crate) fn build_error(builder: TokenRequest) -> String {
    let error = builder.build(Script::default()).unwrap_err();
    assert!(error.is_permanent());
    error.to_string()
}

/// Every error in the chain, one a line.
pub(crate) fn chain(error: &Error) -> String {
    let mut out = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        out.push('\n');
        out.push_str(&cause.to_string());
        next = cause.source();
    }
    out
}

/// The lifetime: the engine reads it, callers can't, so it is taken from `Debug`.
pub(crate) fn lifetime(credential: &Credential) -> Option<Duration> {
    let debug = format!("{credential:?}");
    let (_, rest) = debug.split_once("lifetime: Some(")?;
    let (text, _) = rest.split_once(')')?;
    if text == "0ns" {
        return Some(Duration::ZERO);
    }
    let seconds = text.strip_suffix('s').unwrap();
    Some(match seconds.parse() {
        Ok(whole) => Duration::from_secs(whole),
        Err(_) => Duration::from_secs_f64(seconds.parse().unwrap()),
    })
}
