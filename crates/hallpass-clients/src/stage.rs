//! [`Stage`]: a server, a credential of it, and the calls that a client makes meanwhile.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hallpass_core::{BoxError, Cached};
use hallpass_oauth2::ClientCredentials;
use hallpass_testkit::{Entry, Journal, Server};

/// No call takes as long.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) type Outcome = Result<(), BoxError>;

pub(crate) struct Stage {
    pub(crate) server: Server,
    cached: Cached,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    calls: usize,
    revoked: usize,
    failures: Vec<String>,
}

impl Stage {
    pub(crate) async fn start() -> Result<Self, BoxError> {
        let server = Server::start().await;
        let source = ClientCredentials::at(server.token_url())
            .basic("client", "secret")
            .build(hallpass_hyper::Builder::new().transport()?)?;
        Ok(Self {
            server,
            cached: Cached::new(source),
            seen: Mutex::default(),
        })
    }

    /// The credential that the client is to use.
    pub(crate) fn source(&self) -> Cached {
        self.cached.clone()
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Takes all tokens back.
    pub(crate) fn revoke(&self) {
        self.server.revoke_all();
        self.seen().revoked += 1;
    }

    /// Makes one call, and notes what came of it.
    pub(crate) async fn call<T, E: fmt::Display>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Option<T> {
        let outcome = tokio::time::timeout(LIMIT, call).await;
        let mut seen = self.seen();
        seen.calls += 1;
        match outcome {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => seen.failures.push(format!("{what}: {error}")),
            Err(_) => seen.failures.push(format!("{what}: no answer")),
        }
        None
    }

    /// Reads and writes in turn; each of the two is the first to meet a revoked token once.
    pub(crate) async fn drive<R, W, A, B, E, F>(&self, read: R, write: W)
    where
        R: Fn() -> A,
        W: Fn() -> B,
        A: Future<Output = Result<(), E>>,
        B: Future<Output = Result<(), F>>,
        E: fmt::Display,
        F: fmt::Display,
    {
        self.call("read", read()).await;
        self.call("write", write()).await;
        self.revoke();
        self.call("write, revoked", write()).await;
        self.call("read", read()).await;
        self.revoke();
        self.call("read, revoked", read()).await;
        self.call("write", write()).await;
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Run = for<'a> fn(&'a Stage) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// One client.
pub(crate) struct Row {
    pub(crate) client: &'static str,
    pub(crate) how: &'static str,
    pub(crate) run: Run,
}

impl Row {
    pub(crate) async fn run(&self) -> Report {
        let mut report = Report {
            client: self.client,
            how: self.how,
            calls: 0,
            revoked: 0,
            refused: 0,
            replays: 0,
            token_requests: 0,
            failures: Vec::new(),
        };
        let stage = match Stage::start().await {
            Ok(stage) => stage,
            Err(error) => {
                report.failures.push(error.to_string());
                return report;
            }
        };
        if let Err(error) = (self.run)(&stage).await {
            report.failures.push(error.to_string());
        }
        let journal = stage.server.journal();
        report.refused = journal.api_with_status(401);
        report.token_requests = journal.token_requests();
        report.replays = stage.cached.stats().replays;
        report.failures.extend(sent_otherwise(&journal));
        let seen = stage.seen();
        (report.calls, report.revoked) = (seen.calls, seen.revoked);
        report.failures.extend(seen.failures.iter().cloned());
        report
    }
}

/// Each refused request that did not come again as it was, but for its credential.
fn sent_otherwise(journal: &Journal) -> Vec<String> {
    let entries: Vec<_> = journal.api().collect();
    let pairs = entries.windows(2).filter(|pair| pair[0].status == 401);
    pairs
        .filter(|pair| {
            let key = |entry: &Entry| (entry.method.clone(), entry.path.clone());
            key(pair[0]) != key(pair[1]) || pair[0].body != pair[1].body
        })
        .map(|pair| format!("{} {} was sent otherwise", pair[0].method, pair[0].path))
        .collect()
}

/// What became of one client's calls.
pub(crate) struct Report {
    client: &'static str,
    how: &'static str,
    calls: usize,
    revoked: usize,
    refused: usize,
    replays: u64,
    token_requests: usize,
    failures: Vec<String>,
}

impl Report {
    /// Every call succeeded, each revocation was met once, and cost one token.
    pub(crate) fn is_healed(&self) -> bool {
        self.failures.is_empty()
            && self.calls > 0
            && self.revoked > 0
            && self.refused == self.revoked
            && self.replays == self.revoked as u64
            && self.token_requests == self.revoked + 1
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            client,
            how,
            calls,
            revoked,
            refused,
            replays,
            token_requests,
            failures,
        } = self;
        let outcome = if self.is_healed() {
            "healed".to_owned()
        } else {
            format!("FAILED {}", failures.join("; "))
        };
        write!(
            f,
            "| {client} | {how} | {calls} | {revoked} | {refused} | {replays} | {token_requests} | {outcome} |"
        )
    }
}
