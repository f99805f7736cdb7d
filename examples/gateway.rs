//! A gateway with a credential for each of its tenants: a hundred thousand of them.
//!
//! ```text
//! cargo run --release --example gateway [TENANTS]
//! ```
//!
//! The issuer and the API behind the gateway are played in this process and take a moment for each
//! answer. One client asks the issuer, with each tenant's own audience and scope.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    collections::HashMap,
    convert::Infallible,
    error::Error as StdError,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hallpass::{
    BearerLayer, ClientCredentials, Error, Keyed,
    oauth2::transport::{Transport, TransportError},
    tower::ReplayBody,
};
use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use http_body_util::Empty;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Everything that makes a difference to the token. The gateway has authenticated its caller, and
/// puts this on the request that it passes on: never what the caller only says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Tenant {
    number: usize,
    /// Absent is not empty: without it the issuer decides.
    scope: Option<&'static str>,
}

const TENANTS: usize = 100_000;

/// This tenant's fetches hang.
const TROUBLED: usize = 7;

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let tenants = match std::env::args().nth(1) {
        Some(number) => number.parse()?,
        None => TENANTS,
    };
    let issuer = Arc::new(Issuer::default());
    let keyed = keyed(issuer.clone(), tenants);
    let api = issuer.clone();
    let api = service_fn(move |request: Request<ReplayBody<Empty<Bytes>>>| {
        let status = api.check(&request);
        async move { Ok::<_, Infallible>(answer(status)) }
    });
    let layer = BearerLayer::keyed(keyed.clone()).origins(["https://api.example.com"])?;
    let gateway = layer.layer(api);

    let start = Instant::now();
    let all = (0..tenants)
        .filter(|number| *number != TROUBLED)
        .map(tenant);
    if let Err(failed) = keyed.warm(all).await {
        return Err(format!("{} tenants have no token", failed.len()).into());
    }
    println!(
        "{} tokens in {:.1} s, at most {} token requests at once",
        keyed.stats().fetches,
        start.elapsed().as_secs_f64(),
        issuer.most_at_once.load(Ordering::Relaxed)
    );

    println!("one tenant's fetch hangs; calls of the others:");
    let hanging = keyed.get(&tenant(TROUBLED))?;
    let hanging = tokio::spawn(async move { hanging.get().await });
    let start = Instant::now();
    let mut calls = JoinSet::new();
    for caller in 0..8 {
        let gateway = gateway.clone();
        calls.spawn(async move {
            let mut good = 0;
            for call in 0..tenants / 8 {
                let number = (call * 7919 + caller) % tenants;
                if number == TROUBLED {
                    continue;
                }
                let request = Request::get("https://api.example.com/items");
                let request = request.extension(tenant(number)).body(Empty::new());
                let Ok(request) = request else { break };
                let response = gateway.clone().oneshot(request).await;
                good += usize::from(response.is_ok_and(|response| response.status() == 200));
            }
            good
        });
    }
    let good: usize = calls.join_all().await.into_iter().sum();
    println!(
        "    {good} good ones in {:.2} s",
        start.elapsed().as_secs_f64()
    );
    hanging.abort();

    println!("the tokens of a hundred tenants are revoked:");
    let before = keyed.stats();
    let some = 100.min(tenants / 2);
    issuer.revoke_below(some);
    let mut healed = 0;
    for number in (0..some).filter(|number| *number != TROUBLED) {
        let request = Request::get("https://api.example.com/items");
        let request = request.extension(tenant(number)).body(Empty::new())?;
        let response = gateway.clone().oneshot(request).await?;
        healed += usize::from(response.status() == 200);
    }
    let stats = keyed.stats();
    println!(
        "    {healed} calls healed with {} token requests",
        stats.fetches - before.fetches
    );

    let nobody = Tenant {
        number: tenants,
        scope: None,
    };
    let request = Request::get("https://api.example.com/items");
    let request = request.extension(nobody).body(Empty::new())?;
    match timeout(Duration::from_secs(1), gateway.oneshot(request)).await? {
        Err(hallpass::tower::Error::Credential(error)) if error.is_unknown_key() => {
            println!("a tenant that nobody knows: {error}");
        }
        other => return Err(format!("{other:?}").into()),
    }
    assert_eq!(issuer.strangers.load(Ordering::Relaxed), 0);
    println!(
        "ok: {} tenants, {} evicted, 0 failed",
        stats.entries, stats.evicted
    );
    Ok(())
}

/// A source for each tenant, made of one request when the tenant is first seen.
fn keyed(issuer: Arc<Issuer>, tenants: usize) -> Keyed<Tenant> {
    let request = ClientCredentials::at("https://auth.example.com/token")
        .basic("the-gateway", "its-secret")
        .origins(["https://api.example.com"]);
    let make = request.per_key(issuer, move |tenant: &Tenant, request| {
        if tenant.number >= tenants {
            return Err(Error::unknown_key("there is no such tenant"));
        }
        let request = request.audience(format!("tenant-{}", tenant.number));
        Ok(match tenant.scope {
            Some(scope) => request.scope(scope),
            None => request,
        })
    });
    Keyed::builder(make)
        // Keys fall on the table's parts by chance, and each part keeps to its own share.
        .limit(2 * tenants)
        .named("tenants")
        .build()
}

fn tenant(number: usize) -> Tenant {
    Tenant {
        number,
        scope: number.is_multiple_of(3).then_some("items.read"),
    }
}

/// Issues tokens that tell whose they are, and knows which of them are dead.
#[derive(Default)]
struct Issuer {
    running: AtomicUsize,
    most_at_once: AtomicUsize,
    /// Requests that had another tenant's token.
    strangers: AtomicUsize,
    /// How often each was asked for.
    issued: Mutex<HashMap<String, usize>>,
    dead: Mutex<HashMap<String, usize>>,
}

impl Transport for Issuer {
    async fn send(
        &self,
        request: Request<Bytes>,
        _limit: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_at_once.fetch_max(running, Ordering::Relaxed);
        sleep(Duration::from_millis(2)).await;
        let body = String::from_utf8_lossy(request.body());
        let mut fields = body.split('&').filter_map(|field| field.split_once('='));
        let audience = fields.find(|(name, _)| *name == "audience");
        let audience = audience.map_or("", |(_, value)| value).to_owned();
        if audience == format!("tenant-{TROUBLED}") {
            sleep(Duration::from_secs(3600)).await;
        }
        let number = {
            let mut issued = lock(&self.issued);
            let number = issued.entry(audience.clone()).or_default();
            *number += 1;
            *number
        };
        self.running.fetch_sub(1, Ordering::Relaxed);
        let token = format!(
            r#"{{"access_token":"{audience}.{number}","token_type":"Bearer","expires_in":3600}}"#
        );
        Ok(Response::new(token.into()))
    }
}

impl Issuer {
    /// 200 for a living token of the request's own tenant.
    fn check<B>(&self, request: &Request<B>) -> StatusCode {
        let tenant = request.extensions().get::<Tenant>();
        let audience = tenant.map(|tenant| format!("tenant-{}", tenant.number));
        let token = request.headers().get(AUTHORIZATION);
        let token = token.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let Some((whose, number)) = token.and_then(|token| token.split_once('.')) else {
            return StatusCode::UNAUTHORIZED;
        };
        if Some(whose) != audience.as_deref() {
            self.strangers.fetch_add(1, Ordering::Relaxed);
            return StatusCode::FORBIDDEN;
        }
        let dead = lock(&self.dead).get(whose).copied().unwrap_or_default();
        if number.parse().is_ok_and(|number: usize| number > dead) {
            StatusCode::OK
        } else {
            StatusCode::UNAUTHORIZED
        }
    }

    fn revoke_below(&self, tenants: usize) {
        let issued = lock(&self.issued);
        let mut dead = lock(&self.dead);
        for number in 0..tenants {
            let audience = format!("tenant-{number}");
            let so_far = issued.get(&audience).copied().unwrap_or_default();
            dead.insert(audience, so_far);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(status: StatusCode) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    response
}
