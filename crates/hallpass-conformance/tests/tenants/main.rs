//! Many tenants behind one layer: the token that a server sees is always the tenant's own.
//!
//! `cargo test --release -p hallpass-conformance --test tenants -- --include-ignored` sends a
//! million requests; without that it is a tenth of them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod wire;
mod world;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hallpass_core::Keyed;
use hallpass_tower::{BearerLayer, ReplayBody};
use http::{Request, Response};
use http_body_util::Empty;
use tokio::task::JoinSet;
use tower::{Layer as _, ServiceExt as _, service_fn};
use world::{TENANT, World};

/// A tenant's name is its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tenant(pub(crate) usize);

const TENANTS: usize = 200;

/// Fewer than there are tenants, so that some always have to go.
const LIMIT: usize = 128;

/// What the callers of one run have met.
#[derive(Debug, Default)]
struct Seen {
    good: u64,
    refused: u64,
    failed: u64,
}

impl std::ops::AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.good += other.good;
        self.refused += other.refused;
        self.failed += other.failed;
    }
}

async fn play(world: Arc<World>, tenants: Keyed<Tenant>, requests: u64, number: u64) -> Seen {
    let api = world.clone();
    let api = service_fn(move |request: Request<ReplayBody<Empty<Bytes>>>| {
        let api = api.clone();
        async move { Ok::<Response<Empty<Bytes>>, std::io::Error>(api.answer(request).await) }
    });
    let layer = BearerLayer::keyed(tenants.clone()).any_origin();
    let service = layer.layer(api);
    let mut random = fastrand::Rng::with_seed(number);
    let mut seen = Seen::default();
    for _ in 0..requests {
        world.trouble(&mut random, &tenants);
        // Some tenants are busy, most are not.
        let skewed = random.f64().powi(3);
        let tenant = Tenant((skewed * TENANTS as f64) as usize);
        let request = Request::get("https://api.example/items")
            .header(TENANT, tenant.0)
            .extension(tenant)
            .body(Empty::new())
            .unwrap();
        match service.clone().oneshot(request).await {
            Ok(response) if response.status() == 200 => seen.good += 1,
            Ok(_) => seen.refused += 1,
            Err(_) => seen.failed += 1,
        }
    }
    seen
}

async fn run(world: &Arc<World>, callers: u64, requests: u64) {
    let clients = world.clone();
    let keyed = Keyed::builder(move |tenant: &Tenant| Ok(clients.client(*tenant)))
        .limit(LIMIT)
        .build();
    let mut running = JoinSet::new();
    for seed in 0..callers {
        let each = requests / callers;
        running.spawn(play(world.clone(), keyed.clone(), each, seed));
    }
    let mut seen = Seen::default();
    while let Some(outcome) = running.join_next().await {
        seen += outcome.unwrap();
    }
    let stats = keyed.stats();
    assert_eq!(
        world.strangers(),
        0,
        "a tenant's request had another's token"
    );
    assert_eq!(seen.good + seen.refused + seen.failed, requests);
    // It was no idyll.
    let often = requests / 2000;
    assert!(stats.evicted > often, "{stats:?}");
    assert!(
        stats.rejections > often && stats.replays > often,
        "{stats:?}"
    );
    assert!(
        stats.failures > often && stats.entries <= LIMIT,
        "{stats:?}"
    );
    assert!(seen.good > requests * 9 / 10, "{seen:?} {stats:?}");
}

/// Requests over 200 tenants, with revocations, failures, evictions and removals.
#[tokio::test(start_paused = true)]
async fn requests_carry_their_own_tenants_tokens() {
    let world = World::new(Duration::from_millis(20));
    run(&world, 50, 100_000).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes minutes in a debug build; `cargo xtask simulate` runs it"]
async fn a_million_requests_carry_their_own_tenants_tokens() {
    let world = World::new(Duration::from_millis(20));
    run(&world, 50, 1_000_000).await;
}

/// The same on real threads, where nothing waits and everything races.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_that_race_keep_their_tenants_apart() {
    let world = World::new(Duration::ZERO);
    run(&world, 8, 100_000).await;
}
