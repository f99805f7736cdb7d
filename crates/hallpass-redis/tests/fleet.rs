//! Fifty replicas, each with connections of its own, and a real server.
#![cfg(feature = "real-server")]

mod common;

use std::time::Duration;

use common::{Proxy, Redis, Replica, SECOND, common_token, replica, run_for};
use hallpass_testkit::ScriptedSource;

const FIFTY: usize = 50;

fn fleet(server: &Redis, source: &ScriptedSource, count: usize) -> Vec<Replica<ScriptedSource>> {
    (0..count)
        .map(|_| replica(server.store(), source.clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_cold_replicas_ask_once_and_a_revocation_costs_one_more() {
    let server = Redis::start().await;
    let source = ScriptedSource::tokens(300 * SECOND);
    source.latency(SECOND / 2);
    let fleet = fleet(&server, &source, FIFTY);
    assert_eq!(common_token(&fleet).await, "token-1");
    assert_eq!(source.fetches(), 1);
    for replica in &fleet {
        replica.accept();
        replica.refuse();
    }
    assert_eq!(common_token(&fleet).await, "token-2");
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_ten_lifetimes_one_asks_and_nobody_waits() {
    const LIFETIME: Duration = Duration::from_secs(6);
    let server = Redis::start().await;
    let source = ScriptedSource::tokens(LIFETIME);
    source.latency(SECOND / 10);
    let fleet = fleet(&server, &source, FIFTY);
    common_token(&fleet).await;
    run_for(&fleet, 10 * LIFETIME).await;
    let fetches = source.fetches();
    assert!((10..=14).contains(&fetches), "{fetches}");
    assert_eq!(source.max_in_flight(), 1);
    for replica in &fleet {
        assert_eq!(replica.cached.stats().waits, 1, "only the very first call");
        assert_eq!(replica.shared.stats().direct, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_way_that_delays_they_still_ask_once() {
    let server = Redis::start().await;
    let source = ScriptedSource::tokens(300 * SECOND);
    let proxy = Proxy::to(&server).await;
    proxy.delay(Duration::from_millis(50));
    let fleet: Vec<_> = (0..20)
        .map(|_| replica(proxy.store(), source.clone()))
        .collect();
    common_token(&fleet).await;
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_warm_they_hear_of_a_renewal() {
    let server = Redis::start().await;
    let source = ScriptedSource::tokens(300 * SECOND);
    let fleet = fleet(&server, &source, 10);
    let guards: Vec<_> = fleet
        .iter()
        .map(|replica| replica.cached.keep_warm().unwrap())
        .collect();
    common_token(&fleet).await;
    tokio::time::sleep(3 * SECOND).await;
    fleet[0].cached.renew().await.unwrap();
    let begun = tokio::time::Instant::now();
    let all_new = || {
        fleet.iter().all(|replica| {
            let credential = replica.cached.try_get();
            credential.is_some_and(|credential| credential.token() == Some("token-2"))
        })
    };
    while !all_new() {
        assert!(begun.elapsed() < 10 * SECOND, "not all have heard of it");
        tokio::time::sleep(SECOND / 10).await;
    }
    assert_eq!(source.fetches(), 2);
    drop(guards);
}
