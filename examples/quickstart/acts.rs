//! What happens to each system: one act, one line, and the claims that the line makes.

use std::time::Duration;

use hallpass::{Cached, Error};
use hallpass_testkit::fnv1a64;
use http::Request;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::{Service as _, ServiceExt as _};

use crate::{
    stage::{Body, Seen, Stage, client, get, post, read},
    story::{Claim, equal, holds},
};

/// How many calls meet a revoked token at once.
const CROWD: usize = 1000;

/// The pause between calls while a renewal is waited for.
const PAUSE: Duration = Duration::from_millis(25);

/// What came of calling again and again until something happened.
#[derive(Default)]
struct Meanwhile {
    calls: usize,
    waited: usize,
    failed: usize,
    happened: bool,
}

impl Stage {
    /// A few calls, one token.
    pub(crate) async fn fetch_once(&mut self, path: &'static str) {
        self.path = path;
        let start = Instant::now();
        let first = self.call(get(path), 200).await;
        let took = start.elapsed();
        let mut others = Vec::new();
        for _ in 0..4 {
            others.push(self.call(get(path), 200).await);
        }
        let text = format!(
            "5 calls, 1 token request; only the first call waited, {} ms",
            took.as_millis()
        );
        let claims = [
            equal("token requests", self.token_requests(), 1),
            equal("calls that failed", self.failed, 0),
            holds("the first call waits", first.waited),
            holds("no other waits", others.iter().all(|seen| !seen.waited)),
            equal("the token's generation", first.generation, 1),
        ];
        self.story.tell("token fetched", text, claims);
    }

    /// Calls go on while the token's end comes near: somebody renews it, nobody waits.
    pub(crate) async fn renew_ahead(&mut self, lifetime: Duration) {
        let first = self.cached.stats().generation.unwrap_or_default();
        let before = self.token_requests();
        let meanwhile = self
            .call_until(lifetime, |_, seen| seen.generation > first)
            .await;
        let journal = self.server.journal();
        // The first token ever was this client's, and so is the latest.
        let ahead = match [journal.tokens().next(), journal.tokens().next_back()] {
            [Some(old), Some(new)] => lifetime.saturating_sub(new.at.saturating_sub(old.at)),
            _ => Duration::ZERO,
        };
        let text = format!(
            "{:.2} s before the token's end; {} calls until then, none waited",
            ahead.as_secs_f64(),
            meanwhile.calls
        );
        let claims = [
            holds("the token is a new one", meanwhile.happened),
            holds("ahead of the end", ahead > Duration::ZERO),
            equal("calls that waited", meanwhile.waited, 0),
            equal("calls that failed", meanwhile.failed, 0),
            equal("token requests", journal.token_requests() - before, 1),
        ];
        self.story.tell("renewed ahead", text, claims);
    }

    /// The token endpoint answers the renewal that it is asked too often.
    pub(crate) async fn refuse_renewal(&mut self, lifetime: Duration) {
        self.server
            .token_endpoint()
            .fail_next(1, 429)
            .retry_after(1);
        let meanwhile = self
            .call_until(lifetime, |stage, _| {
                stage.server.journal().token_with_status(429) > 0
            })
            .await;
        let text = "429 to the renewal, ask again in 1 s: the token in hand serves on".to_owned();
        let claims = [
            holds("the renewal met 429", meanwhile.happened),
            equal("calls that waited", meanwhile.waited, 0),
            equal("calls that failed", meanwhile.failed, 0),
        ];
        self.story.tell("rate limited", text, claims);
    }

    /// Calls until this is so, at most for a token's life.
    async fn call_until(
        &mut self,
        lifetime: Duration,
        so: impl Fn(&Self, &Seen) -> bool,
    ) -> Meanwhile {
        let failed_before = self.failed;
        let give_up = Instant::now() + lifetime;
        let mut meanwhile = Meanwhile::default();
        while !meanwhile.happened && Instant::now() < give_up {
            let seen = self.call(get(self.path), 200).await;
            meanwhile.calls += 1;
            meanwhile.waited += usize::from(seen.waited);
            meanwhile.happened = so(self, &seen);
            sleep(PAUSE).await;
        }
        meanwhile.failed = self.failed - failed_before;
        meanwhile
    }

    /// The token is revoked under a GET, and again under a POST.
    pub(crate) async fn heal(&mut self, path: &'static str) {
        self.server.revoke_all();
        let before = self.token_requests();
        let seen = self.call(get(self.path), 200).await;
        let claims = self.healed(&seen, before);
        let text = "a GET met 401: new token, one replay, 200".to_owned();
        self.story.tell("token revoked", text, claims);

        let order = r#"{"amount": "12.50", "currency": "EUR", "to": "Zoë"}"#;
        self.server.revoke_all();
        let before = self.token_requests();
        let seen = self.call(post(path, order), 200).await;
        let mut claims = self.healed(&seen, before);
        let digest = format!("{:016x}", fnv1a64(order.as_bytes()));
        let echo = String::from_utf8_lossy(&seen.body);
        claims.push(holds(
            "the server saw the same bytes",
            echo.contains(&digest),
        ));
        let text = format!(
            "a POST of {} bytes met 401: new token, the same bytes once more, 200",
            order.len()
        );
        self.story.tell("token revoked", text, claims);
    }

    fn healed(&self, seen: &Seen, token_requests_before: usize) -> Vec<Claim> {
        let journal = self.server.journal();
        let statuses: Vec<u16> = journal.api().map(|entry| entry.status).collect();
        vec![
            holds("the call is answered 200", seen.is(200)),
            holds("by a replay", seen.replayed),
            holds("a single one, after a 401", statuses.ends_with(&[401, 200])),
            equal(
                "token requests",
                self.token_requests() - token_requests_before,
                1,
            ),
        ]
    }

    /// A call that the client is not allowed to make.
    pub(crate) async fn leave_403(&mut self, path: &'static str) {
        let requests = self.server.journal().entries().len();
        let generation = self.cached.stats().generation;
        let seen = self.call(get(path), 403).await;
        let claims = [
            holds("the answer is 403", seen.is(403)),
            equal(
                "requests",
                self.server.journal().entries().len(),
                requests + 1,
            ),
            holds(
                "the token is kept",
                self.cached.stats().generation == generation,
            ),
        ];
        let text = "403 came back as it was: token kept, nothing replayed".to_owned();
        self.story.tell("not allowed", text, claims);
    }

    /// HTTP Basic on the call itself.
    pub(crate) async fn without_tokens(&mut self, basic: Cached) -> Result<(), Error> {
        let before = self.token_requests();
        let seen = self.call_with(client(&basic)?, get(self.path), 200).await;
        let journal = self.server.journal();
        let header = journal
            .api()
            .next_back()
            .and_then(|entry| entry.header("authorization"));
        let claims = [
            holds("the answer is 200", seen.is(200)),
            holds(
                "the call carries Basic",
                header.is_some_and(|value| value.starts_with("Basic ")),
            ),
            equal("token requests", self.token_requests(), before),
        ];
        let text = "HTTP Basic on the call itself: 200, no token request".to_owned();
        self.story.tell("or without tokens", text, claims);
        Ok(())
    }

    /// Other roles with clients, and so tokens, of their own.
    pub(crate) async fn other_roles<const N: usize>(
        &mut self,
        roles: [(&str, Cached, Request<Body>); N],
    ) -> Result<(), Error> {
        let before = self.token_requests();
        let names = roles.each_ref().map(|(name, ..)| *name).join(", ");
        for (_, cached, request) in roles {
            self.call_with(client(&cached)?, request, 200).await;
        }
        let claims = [
            equal("calls that failed", self.failed, 0),
            equal("token requests", self.token_requests() - before, N),
        ];
        let text = format!("{names}: a token each, 200 where only that role may go");
        self.story.tell("other roles", text, claims);
        Ok(())
    }

    /// Whether every API request named this client.
    pub(crate) fn user_agent(&mut self, expected: &str) {
        let journal = self.server.journal();
        let named = journal
            .api()
            .filter(|entry| entry.header("user-agent") == Some(expected))
            .count();
        let claims = [equal("API requests with it", named, journal.api_requests())];
        let text = format!("{expected} on all {named} API requests, where none means 400");
        self.story.tell("User-Agent", text, claims);
    }

    /// The token is revoked while many calls are under way with it.
    pub(crate) async fn revoke_under_load(&mut self) {
        let before = self.server.journal();
        let mut calls = Vec::with_capacity(CROWD);
        for _ in 0..CROWD {
            let request = self.addressed(get(self.path));
            if let Ok(client) = self.client.ready().await {
                // Each has taken the token by now and is about to leave.
                calls.push(client.call(request));
            }
        }
        self.server.revoke_all();
        let start = Instant::now();
        let mut under_way: JoinSet<Seen> = calls
            .into_iter()
            .map(|call| async move {
                match call.await {
                    Ok(response) => read(response).await,
                    Err(_) => Seen::default(),
                }
            })
            .collect();
        let (mut answered, mut replayed) = (0, 0);
        while let Some(seen) = under_way.join_next().await {
            let seen = seen.unwrap_or_default();
            self.count(&seen, 200);
            answered += usize::from(seen.is(200));
            replayed += usize::from(seen.replayed);
        }
        let took = start.elapsed();
        let after = self.server.journal();
        let claims = [
            equal("answers of 200", answered, CROWD),
            equal("replays", replayed, CROWD),
            equal(
                "answers of 401",
                after.api_with_status(401) - before.api_with_status(401),
                CROWD,
            ),
            equal(
                "token requests",
                after.token_requests() - before.token_requests(),
                1,
            ),
        ];
        let text = format!(
            "1,000 calls at once met 401: 1 token request, 1,000 replays, 1,000 × 200 in {:.2} s",
            took.as_secs_f64()
        );
        self.story.tell("all revoked", text, claims);
    }

    /// What the client counted is what the server has in its journal.
    pub(crate) fn close_the_books(&mut self) {
        let arrived = self.server.journal().api_requests();
        self.story.check([
            equal("API requests", arrived, self.calls + self.replays),
            equal("calls that failed", self.failed, 0),
        ]);
    }
}
