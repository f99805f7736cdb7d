//! [`Stage`]: one cell's server, the ways to it, and a caller.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hallpass_core::{
    Authorizer, Cached, Credential, CredentialSource, Description, Error, Fetch, Policy,
};
use hallpass_oauth2::TokenSource;
use hallpass_testkit::{Endpoint, Journal, ManualClock, Relay, RouteAnswer, Server};

use crate::{
    callers::{ACTION, CLIENT, Call, Caller, SECRET, Seen, Stack, Trust},
    fault::{Fault, MOVED},
    row::Leg,
};

/// What every caller calls.
pub(crate) const CALL: &str = "/conformance.Api/Call";

/// How long a caller waits for another attempt at a token.
const PATIENCE: Duration = Duration::from_secs(2);

/// What nothing takes that comes to an end: how busy the machine is decides nothing.
const LONG: Duration = Duration::from_secs(30);

/// The limits where nothing comes: of one attempt, and of a caller without a token.
const ATTEMPT: Duration = Duration::from_millis(2500);
const HEDGE: Duration = Duration::from_secs(1);

/// The limit of a caller whom nobody answers.
const SHORT: Duration = Duration::from_secs(10);

/// A label of 64 letters is too long for a name (RFC 1035 §2.3.4), which every resolver finds out
/// by itself.
const NOWHERE: &str = concat!(
    "http://",
    "nowhere-nowhere-nowhere-nowhere-nowhere-nowhere-nowhere-nowhere-",
    ".invalid"
);

/// The lifetime of the tokens, but for less than the time before its end in which they are due.
const UNTIL_DUE: Duration = Duration::from_secs(3600 - 240);

pub(crate) struct Stage {
    pub(crate) leg: Leg,
    pub(crate) server: Server,
    /// What stands before the server on this leg.
    pub(crate) relay: Relay,
    pub(crate) cached: Cached,
    pub(crate) clock: ManualClock,
    callers: [Caller; 2],
    stack: Stack,
    astray: Arc<AtomicBool>,
    actions: AtomicUsize,
}

/// The right token endpoint, or one whose name leads nowhere.
struct Detour {
    right: TokenSource,
    wrong: TokenSource,
    astray: Arc<AtomicBool>,
}

impl CredentialSource for Detour {
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        if self.astray.load(Ordering::Relaxed) {
            self.wrong.fetch(why).await
        } else {
            self.right.fetch(why).await
        }
    }

    fn description(&self) -> Description {
        self.right.description()
    }
}

impl Stage {
    pub(crate) async fn new(leg: Leg, fault: Fault, stack: Stack) -> Self {
        let mut builder = Server::builder().client(CLIENT, SECRET);
        if fault == Fault::Goaway {
            builder = builder.goaway_after(1);
        }
        let server = builder.start().await;
        let relay = if fault.needs_tls() {
            Relay::start_tls(server.addr()).await
        } else {
            Relay::start(server.addr()).await
        };
        let mut trust = Trust::of(&relay, stack.http2(fault.needs_http2())).await;
        trust.probes = fault.is_silent();
        let (token_url, base) = match leg {
            Leg::Token => (relay.url_of(&server.token_url()), server.url()),
            Leg::Api => (server.token_url(), relay.url()),
        };
        let astray = Arc::new(AtomicBool::new(false));
        let (attempt, hedge) = if fault.is_silent() {
            (ATTEMPT, HEDGE)
        } else {
            (LONG, LONG)
        };
        let source = Detour {
            right: stack.tokens(&token_url, &trust, attempt),
            wrong: stack.tokens(&format!("{NOWHERE}/token"), &trust, attempt),
            astray: astray.clone(),
        };
        let clock = ManualClock::running();
        let policy = Policy::default()
            .patience(PATIENCE)
            .fetch_deadline(2 * attempt)
            .hedge_after(hedge);
        let cached = Cached::builder(source)
            .policy(policy)
            .clock(clock.clone())
            .build();
        let rules = Authorizer::new(cached.clone())
            .origins([base.as_str(), NOWHERE])
            .unwrap()
            .dangerously_allow_http()
            .report_attempts();
        let callers =
            [base.as_str(), NOWHERE].map(|base| stack.caller(base, rules.clone(), &trust));
        let stage = Self {
            leg,
            server,
            relay,
            cached,
            clock,
            callers,
            stack,
            astray,
            actions: AtomicUsize::new(0),
        };
        stage.route();
        stage
    }

    /// The half of the server that this leg leads to.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        match self.leg {
            Leg::Token => self.server.token_endpoint(),
            Leg::Api => self.server.api(),
        }
    }

    /// What a gRPC caller is answered.
    pub(crate) fn route(&self) {
        if self.stack == Stack::Tonic {
            for path in [CALL, MOVED] {
                self.server.api().route(path, RouteAnswer::grpc(b"done"));
            }
        }
    }

    pub(crate) fn lead_astray(&self, astray: bool) {
        self.astray.store(astray, Ordering::Relaxed);
    }

    pub(crate) fn make_due(&self) {
        self.clock.advance(UNTIL_DUE);
    }

    pub(crate) async fn call(&self) -> Seen {
        self.call_within(LONG).await
    }

    /// A call of somebody whom perhaps nobody answers.
    pub(crate) async fn call_in_doubt(&self, fault: Fault) -> Seen {
        let limit = if fault.is_silent() { SHORT } else { LONG };
        self.call_within(limit).await
    }

    async fn call_within(&self, limit: Duration) -> Seen {
        let astray = self.leg == Leg::Api && self.astray.load(Ordering::Relaxed);
        let caller = &self.callers[usize::from(astray)];
        let action = self.actions.fetch_add(1, Ordering::Relaxed);
        let call = Call {
            path: CALL,
            action: action.to_string(),
            body: Bytes::from_static(b"what is wanted"),
            tenant: None,
        };
        caller.send(call, limit).await
    }

    /// Calls until one goes well: how long that took, and how many failed before it.
    pub(crate) async fn back(&self, seen: &mut Vec<Seen>) -> Result<(Duration, usize), String> {
        let start = Instant::now();
        for failed in 0.. {
            let outcome = self.call().await;
            let ok = outcome.saw.is_ok();
            seen.push(outcome);
            if ok {
                return Ok((start.elapsed(), failed));
            }
            if start.elapsed() > LONG {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let last = seen.last().map_or("", |seen| seen.text.as_str());
        Err(format!("it never went well again: {last}"))
    }

    /// What holds in every cell.
    pub(crate) fn always(&self, seen: &[Seen]) -> Vec<String> {
        let journal = self.server.journal();
        let mut wrong = Vec::new();
        let twice = journal.duplicates(ACTION);
        if twice > 0 {
            wrong.push(format!("{twice} actions done twice"));
        }
        wrong.extend(spoken(&journal, seen));
        wrong
    }
}

/// The secrets that stand in the text of an error.
fn spoken(journal: &Journal, seen: &[Seen]) -> Option<String> {
    let basic = BASE64_STANDARD.encode(format!("{CLIENT}:{SECRET}"));
    let tokens = journal.api().filter_map(|entry| entry.bearer());
    let tokens = tokens.map(str::to_owned);
    let secrets: Vec<_> = tokens.chain([basic, SECRET.to_owned()]).collect();
    let leak = seen.iter().find(|seen| {
        let spoken = |secret: &String| seen.text.contains(secret);
        secrets.iter().any(spoken)
    })?;
    Some(format!("a secret in the error of {:?}", leak.saw))
}
