//! [`Stage`]: one case's servers, client and credential.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{Authorizer, Cached, Error, Keyed, Policy};
use hallpass_testkit::{Entry, ManualClock, Reissue, Server};
use hallpass_tower::REPLAY_LIMIT;

use crate::{
    adapter::{Adapter, Body, Front, Message, Outcome, Tenant},
    case::{
        AT_ONCE, Below, Case, Given, Key, LATE, NONCE, Places, Sent, Size, Sort, Source, To,
        VERBATIM,
    },
    source::cached,
};

/// Names what a caller wants done, as `Idempotency-Key` does: the same for whatever is sent for it.
pub(crate) const ACTION: &str = "idempotency-key";

/// Always answers 401.
pub(crate) const REFUSING: &str = "/conformance.Api/Refusing";

/// Accepts, and sends the caller to the one above.
const ORDERS: &str = "/conformance.Api/Orders";

/// What the slow answer takes: longer than everything that overtakes it.
const SLOW: Duration = Duration::from_millis(300);

/// When a connection breaks that was answered early.
const BREAKS: Duration = Duration::from_millis(60);

/// Longer than any case takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// The lifetime of the tokens, but for less than the time before its end in which they are due.
const UNTIL_DUE: Duration = Duration::from_secs(3600 - 240);

pub(crate) struct Stage<A: Adapter> {
    pub(crate) adapter: A,
    pub(crate) server: Server,
    pub(crate) other: Server,
    pub(crate) cached: Cached,
    pub(super) client: A::Client,
    places: Places,
    clock: ManualClock,
    actions: AtomicU64,
    keyed: bool,
    own: OnceLock<Cached>,
    _fronts: [Front; 2],
}

/// A credential for each of two keys.
fn keyed(usual: Cached, another: Option<Cached>) -> Keyed<Tenant> {
    Keyed::new(move |tenant: &Tenant| match tenant {
        Tenant::Usual => Ok(usual.clone()),
        Tenant::Another => another.clone().ok_or_else(unknown),
        Tenant::Unknown => Err(unknown()),
    })
}

fn unknown() -> Error {
    Error::unknown_key("there is no such tenant")
}

impl Key {
    fn tenant(self) -> Option<Tenant> {
        match self {
            Self::Usual => Some(Tenant::Usual),
            Self::Another(_) => Some(Tenant::Another),
            Self::Unknown => Some(Tenant::Unknown),
            Self::None => None,
        }
    }
}

impl Case {
    /// Where the credential of the other key comes from.
    fn another(&self) -> Option<Source> {
        let sent = std::iter::once(&self.sent).chain(&self.afterwards);
        sent.map(|sent| sent.key).find_map(|key| match key {
            Key::Another(source) => Some(source),
            _ => None,
        })
    }
}

impl<A: Adapter> Stage<A> {
    pub(crate) async fn new(adapter: A, case: &Case) -> Self {
        let mut builder = Server::builder();
        if case.below == Below::Goaway {
            builder = builder.goaway_after(1);
        }
        builder = match case.source {
            Source::Bound => builder.dpop(),
            Source::BoundWithNonces => builder.dpop_nonces(1000),
            _ => builder,
        };
        let (server, other) = (builder.start().await, Server::start().await);
        let api = server.api();
        api.refuse(REFUSING).redirect(ORDERS, 303, REFUSING);
        let fronts = [adapter.front(&server).await, adapter.front(&other).await];
        server.set_public_url(&fronts[0].url);
        let places = Places {
            api: fronts[0].url.clone(),
            other: fronts[1].url.clone(),
        };
        let patience = if case.impatient { 100 } else { 20_000 };
        // Another attempt is wanted where it is the subject, and not because a machine is slow.
        let policy = Policy::default()
            .patience(Duration::from_millis(patience))
            .fetch_deadline(LONG)
            .hedge_again_after(LONG)
            .settling(LONG)
            .rejection_gap(LONG)
            .rejection_gap_limit(LONG);
        let hedged = |given: &Given| matches!(given, Given::TokenHangs);
        let policy = if case.given.iter().any(hedged) {
            policy
        } else {
            policy.hedge_after(LONG)
        };
        let clock = ManualClock::running();
        let cached = |source| cached(source, &server, &places, policy.clone(), &clock);
        let another = case.another().map(cached);
        let cached = cached(case.source);
        let rules = if case.keyed {
            Authorizer::keyed(keyed(cached.clone(), another))
        } else {
            Authorizer::new(cached.clone())
        };
        let rules = rules.report_attempts();
        let client = adapter.client((case.rules)(rules, &places), case.replays, case.below);
        Self {
            adapter,
            server,
            other,
            cached,
            client,
            places,
            clock,
            actions: AtomicU64::new(0),
            keyed: case.keyed,
            own: OnceLock::new(),
            _fronts: fronts,
        }
    }

    /// A first request that goes well, and what it carried.
    pub(crate) async fn warm(&self) -> Result<String, String> {
        let outcome = self.send(self.message(&Sent::to(To::Api))).await;
        let journal = self.server.journal();
        let token = |entry: &Entry| {
            let token = entry.bearer().or_else(|| entry.bound_token());
            token.map(str::to_owned)
        };
        let carried = journal.api().last().and_then(token);
        match (outcome, carried) {
            (Outcome::Answer { code, .. }, Some(token)) if code == self.adapter.code(200) => {
                self.server.clear_journal();
                Ok(token)
            }
            (outcome, _) => Err(format!("the request before it: {outcome:?}")),
        }
    }

    pub(crate) async fn give(&self, given: &Given) {
        let (api, tokens) = (self.server.api(), self.server.token_endpoint());
        match given {
            Given::Revoked => self.server.revoke_all(),
            Given::Answer(n, status, headers) => self.answer(*n, *status, headers),
            Given::Early => {
                api.answer_early(true);
            }
            Given::Unread => {
                api.reject_unread_next(1, BREAKS);
            }
            Given::OtherAnswers(status) => {
                self.other.api().respond_next(1, *status, &[], "short");
            }
            Given::NoToken(status) => {
                tokens.down(*status);
            }
            Given::NoTokenFor(n, status, wait) => {
                tokens.fail_next(*n, *status);
                if let Some(wait) = *wait {
                    tokens.retry_after(wait);
                }
            }
            Given::TokenAnswers(status, body, nonce) => {
                let nonce = nonce.map(|nonce| (NONCE, nonce));
                let kind = ("content-type", "application/json");
                let headers: Vec<_> = nonce.into_iter().chain([kind]).collect();
                tokens.respond_next(1, *status, &headers, *body);
            }
            Given::OtherNonces => self.server.rotate_nonces(),
            Given::TokenHangs => {
                tokens.hang_next(1);
            }
            Given::Sticky => self.server.set_reissue(Reissue::Sticky),
            Given::Due => self.clock.advance(UNTIL_DUE),
            Given::Lag(lag) => {
                // For the one in hand it is over.
                tokio::time::sleep(*lag).await;
                self.server.set_replication_lag(*lag);
            }
            Given::SlowOnce => {
                api.delay_next(1, SLOW);
            }
        }
    }

    fn answer(&self, n: usize, status: u16, headers: &[(&'static str, String)]) {
        let mut headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.replace("{other}", &self.places.other)))
            .collect();
        if !headers
            .iter()
            .any(|(name, _)| [LATE, AT_ONCE].contains(name))
        {
            headers.push((VERBATIM, "yes".to_owned()));
        }
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.server.api().respond_next(n, status, &headers, "short");
    }

    pub(crate) fn message(&self, sent: &Sent) -> Message {
        let port = |url: &str| url.rsplit(':').next().unwrap_or_default().to_owned();
        let origin = match sent.to {
            To::Api | To::Orders => self.places.api.clone(),
            To::Other => self.places.other.clone(),
            To::Remote => format!("http://0.0.0.0:{}", port(&self.places.api)),
            To::User => format!("http://somebody@127.0.0.1:{}", port(&self.places.api)),
        };
        let path = match sent.to {
            To::Orders => ORDERS,
            _ => "/conformance.Api/Call",
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
            url: format!("{origin}{path}?a=b").parse().unwrap(),
            headers: sent
                .own
                .map(|(name, own)| (name, own.to_owned()))
                .into_iter()
                .collect(),
            body: match sent.body {
                Sort::None => Body::None,
                Sort::Bytes(size) => Body::Bytes(bytes(size)),
                Sort::Streamed(size) => {
                    let pieces = bytes(size);
                    Body::Streamed(pieces.chunks(4096).map(Bytes::copy_from_slice).collect())
                }
            },
            without_credential: sent.without_credential,
            with: sent.with.map(|source| self.own(source)),
            key: sent.key.tenant().filter(|_| self.keyed),
        }
    }

    /// One for all requests of the case that have it.
    pub(super) fn own(&self, source: Source) -> Cached {
        let make = || {
            let policy = Policy::default();
            cached(source, &self.server, &self.places, policy, &self.clock)
        };
        self.own.get_or_init(make).clone()
    }

    /// The same message to the endpoint that always refuses.
    pub(super) fn refused(&self, message: &Message) -> Message {
        Message {
            url: format!("{}{REFUSING}", self.places.api).parse().unwrap(),
            ..message.clone()
        }
    }

    /// What a caller wants done once has a name of its own.
    pub(super) fn named(&self, mut message: Message) -> Message {
        let number = self.actions.fetch_add(1, Ordering::Relaxed);
        message.headers.push((ACTION, number.to_string()));
        message
    }

    pub(crate) async fn send(&self, message: Message) -> Outcome {
        self.adapter.send(&self.client, self.named(message)).await
    }

    pub(super) fn spawn(&self, message: Message) -> tokio::task::JoinHandle<Outcome> {
        let (adapter, client) = (self.adapter.clone(), self.client.clone());
        let message = self.named(message);
        tokio::spawn(async move { adapter.send(&client, message).await })
    }
}
