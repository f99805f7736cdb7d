//! [`Stage`]: one case's servers, client and credential.

use std::time::Duration;

use bytes::Bytes;
use hallpass_core::{Authorizer, Cached};
use hallpass_oauth2::ClientCredentials;
use hallpass_testkit::Server;
use hallpass_tower::REPLAY_LIMIT;

use crate::{
    adapter::{Adapter, Body, Front, Message, Outcome},
    adapters::transport,
    case::{At, Case, Given, LATE, Load, Places, Size, Sort, To, VERBATIM},
};

/// What the slow answer takes: longer than everything that overtakes it.
const SLOW: Duration = Duration::from_millis(300);

pub(crate) struct Stage<A: Adapter> {
    pub(crate) adapter: A,
    pub(crate) server: Server,
    pub(crate) other: Server,
    pub(crate) cached: Cached,
    client: A::Client,
    places: Places,
    _fronts: [Front; 2],
}

pub(crate) fn source(server: &Server) -> Cached {
    let credentials = ClientCredentials::at(server.token_url()).basic("client", "secret");
    Cached::new(credentials.build(transport()).unwrap())
}

impl<A: Adapter> Stage<A> {
    pub(crate) async fn new(adapter: A, case: &Case) -> Self {
        let (server, other) = (Server::start().await, Server::start().await);
        let fronts = [adapter.front(&server).await, adapter.front(&other).await];
        let places = Places {
            api: fronts[0].url.clone(),
            other: fronts[1].url.clone(),
        };
        let cached = source(&server);
        let rules = Authorizer::new(cached.clone()).report_attempts();
        let client = adapter.client((case.rules)(rules, &places), case.replays);
        Self {
            adapter,
            server,
            other,
            cached,
            client,
            places,
            _fronts: fronts,
        }
    }

    /// A first request that goes well, and what it carried.
    pub(crate) async fn warm(&self) -> Result<String, String> {
        let message = Message {
            url: format!("{}/warm", self.places.api).parse().unwrap(),
            own: None,
            body: Body::None,
            without_credential: false,
            with: None,
        };
        let outcome = self.adapter.send(&self.client, message).await;
        let journal = self.server.journal();
        let carried = journal.api().next().and_then(|entry| entry.bearer());
        match (outcome, carried) {
            (Outcome::Answer { code, .. }, Some(token)) if code == self.adapter.code(200) => {
                self.server.clear_journal();
                Ok(token.to_owned())
            }
            (outcome, _) => Err(format!("the request before it: {outcome:?}")),
        }
    }

    pub(crate) fn give(&self, given: &Given) {
        let api = self.server.api();
        match given {
            Given::Revoked => self.server.revoke_all(),
            Given::Answer(n, status, headers) => {
                let mut headers: Vec<_> = headers
                    .iter()
                    .map(|(name, value)| (*name, value.replace("{other}", &self.places.other)))
                    .collect();
                if !headers.iter().any(|(name, _)| *name == LATE) {
                    headers.push((VERBATIM, "yes".to_owned()));
                }
                let headers: Vec<_> = headers
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                api.respond_next(*n, *status, &headers, "short");
            }
            Given::Early => {
                api.answer_early(true);
            }
            Given::OtherAnswers(status) => {
                self.other.api().respond_next(1, *status, &[], "short");
            }
            Given::NoToken(status) => {
                self.server.token_endpoint().fail_next(20, *status);
            }
            Given::SlowOnce => {
                api.delay_next(1, SLOW);
            }
        }
    }

    pub(crate) fn message(&self, case: &Case) -> Message {
        let port = |url: &str| url.rsplit(':').next().unwrap_or_default().to_owned();
        let origin = match case.sent.to {
            To::Api => self.places.api.clone(),
            To::Other => self.places.other.clone(),
            To::Remote => format!("http://0.0.0.0:{}", port(&self.places.api)),
            To::User => format!("http://somebody@127.0.0.1:{}", port(&self.places.api)),
        };
        let bytes = |size| {
            let length = match size {
                Size::Of(length) => length,
                Size::Limit(more) => REPLAY_LIMIT + more - self.adapter.framing(),
            };
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            Bytes::from(bytes)
        };
        Message {
            url: format!("{origin}/conformance.Api/Call?a=b")
                .parse()
                .unwrap(),
            own: case.sent.own,
            body: match case.sent.body {
                Sort::None => Body::None,
                Sort::Bytes(size) => Body::Bytes(bytes(size)),
                Sort::Streamed(size) => {
                    let pieces = bytes(size);
                    Body::Streamed(pieces.chunks(4096).map(Bytes::copy_from_slice).collect())
                }
            },
            without_credential: case.sent.without_credential,
            with: case.sent.with_own_source.then(|| source(&self.server)),
        }
    }

    async fn send(&self, message: Message) -> Outcome {
        self.adapter.send(&self.client, message).await
    }

    fn spawn(&self, message: Message) -> tokio::task::JoinHandle<Outcome> {
        let (adapter, client) = (self.adapter.clone(), self.client.clone());
        tokio::spawn(async move { adapter.send(&client, message).await })
    }

    /// Sends what the case wants sent; the outcomes in the order of sending.
    pub(crate) async fn load(&self, load: Load, message: Message) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        match load {
            Load::InARow(n) => {
                for _ in 0..n {
                    outcomes.push(self.send(message.clone()).await);
                }
            }
            Load::Together(n) => {
                let hold = self.server.api().hold();
                let sending: Vec<_> = (0..n).map(|_| self.spawn(message.clone())).collect();
                hold.arrived(n).await;
                hold.release();
                for sent in sending {
                    outcomes.push(sent.await.unwrap());
                }
            }
            Load::Waiting(n) => {
                let hold = self.server.token_endpoint().hold();
                let sending: Vec<_> = (0..n).map(|_| self.spawn(message.clone())).collect();
                until(|| self.cached.stats().waits >= n as u64).await;
                hold.release();
                for sent in sending {
                    outcomes.push(sent.await.unwrap());
                }
            }
            Load::Overtaken => {
                let first = self.spawn(message.clone());
                until(|| self.server.journal().api_requests() == 1).await;
                let second = self.send(message).await;
                outcomes.extend([first.await.unwrap(), second]);
            }
            Load::Dropped(at) => {
                let hold = match at {
                    At::Fetching => self.server.token_endpoint().hold(),
                    At::Sending => self.server.api().hold(),
                };
                let leaving = self.spawn(message.clone());
                hold.arrived(1).await;
                leaving.abort();
                assert!(leaving.await.is_err(), "it has left");
                if at == At::Sending {
                    until(|| hold.waiting() == 0).await;
                }
                hold.release();
                // The fetch goes on without its caller.
                self.cached.get().await.unwrap();
                outcomes.push(self.send(message).await);
            }
        }
        outcomes
    }
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
