//! A real server in trouble: calls go on, within stated bounds, and sharing comes back by itself.
#![cfg(feature = "real-server")]

mod common;

use std::time::Duration;

use common::{Proxy, Redis, Replica, SECOND, common_token, patient, replica, run_for};
use hallpass_shared::Shared;
use hallpass_testkit::ScriptedSource;
use tokio::time::Instant;

const TEN: usize = 10;
const LIFETIME: Duration = Duration::from_secs(4);

fn fleet(server: &Redis, source: &ScriptedSource) -> Vec<Replica<ScriptedSource>> {
    (0..TEN)
        .map(|_| replica(server.store(), source.clone()))
        .collect()
}

/// While there was trouble each asked for itself at most, and afterwards one for all.
async fn recovers(fleet: &[Replica<ScriptedSource>], source: &ScriptedSource, what: &str) {
    let after = after_recovery(fleet, source, LIFETIME).await;
    assert!(after <= 4, "{what}: {after} in two lifetimes");
}

/// The token requests of two lifetimes, once the fleet has had the time to recover.
async fn after_recovery(
    fleet: &[Replica<ScriptedSource>],
    source: &ScriptedSource,
    lifetime: Duration,
) -> usize {
    // Those who fetched for themselves go on with that, and the store is tried again within 10 s.
    run_for(fleet, 13 * SECOND + lifetime).await;
    let recovered = source.fetches();
    run_for(fleet, 2 * lifetime).await;
    source.fetches() - recovered
}

/// What an outage of three lifetimes cost.
struct Cost {
    during: usize,
    after: usize,
}

/// The server is killed for three lifetimes and restarted empty, and no call fails.
async fn killed_and_restarted_empty(lifetime: Duration) -> Cost {
    let mut server = Redis::start().await;
    let source = ScriptedSource::tokens(lifetime);
    let fleet = fleet(&server, &source);
    common_token(&fleet).await;
    assert_eq!(source.fetches(), 1);
    server.kill();
    run_for(&fleet, 3 * lifetime).await;
    let during = source.fetches() - 1;
    // Each renews for itself after three quarters of a life.
    assert!(during <= TEN * 5, "{during}");
    server.restart().await;
    let after = after_recovery(&fleet, &source, lifetime).await;
    assert!(after <= 4, "{after} in two lifetimes");
    Cost { during, after }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_for_three_lifetimes() {
    killed_and_restarted_empty(LIFETIME).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "more than two minutes; `cargo xtask stores` runs it"]
async fn killed_for_a_minute() {
    let Cost { during, after } = killed_and_restarted_empty(20 * SECOND).await;
    println!(
        "Redis killed for 60 s, 10 replicas, 20 s tokens: no call failed, {during} token requests meanwhile (at most 50), {after} in the two lifetimes after recovery (at most 4)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_and_woken() {
    let server = Redis::start().await;
    let source = ScriptedSource::tokens(LIFETIME);
    let fleet = fleet(&server, &source);
    common_token(&fleet).await;
    server.signal("-STOP");
    run_for(&fleet, 2 * LIFETIME).await;
    assert!(source.fetches() <= 1 + TEN * 4, "{}", source.fetches());
    server.signal("-CONT");
    recovers(&fleet, &source, "stopped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_and_read_only() {
    let server = Redis::start().await;
    let source = ScriptedSource::tokens(LIFETIME);
    let fleet = fleet(&server, &source);
    common_token(&fleet).await;
    let port = common::free_port().to_string();
    let troubles: [(&str, &[&str], &[&str]); 2] = [
        (
            "OOM",
            &["CONFIG", "SET", "maxmemory", "1"],
            &["CONFIG", "SET", "maxmemory", "0"],
        ),
        (
            "READONLY",
            &["REPLICAOF", "127.0.0.1", &port],
            &["REPLICAOF", "NO", "ONE"],
        ),
    ];
    for (code, begin, end) in troubles {
        let before = source.fetches();
        server.run(begin).await;
        let refused = server.command(&["SET", "x", "y"]).await.unwrap_err();
        assert_eq!(refused.code(), Some(code));
        run_for(&fleet, 2 * LIFETIME).await;
        let during = source.fetches() - before;
        assert!(during <= TEN * 4, "{code}: {during}");
        server.run(end).await;
        recovers(&fleet, &source, code).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn loading() {
    let mut server = Redis::start_with(&["--enable-debug-command", "yes"]).await;
    let source = ScriptedSource::tokens(LIFETIME);
    let fleet = fleet(&server, &source);
    common_token(&fleet).await;
    server.run(&["DEBUG", "POPULATE", "3000"]).await;
    server.run(&["SAVE"]).await;
    server.kill();
    // Two milliseconds a key: it answers LOADING for six seconds.
    server.spawn_again(&[
        "--key-load-delay",
        "2000",
        "--loading-process-events-interval-bytes",
        "1024",
    ]);
    let begun = Instant::now();
    let mut loading = 0;
    while begun.elapsed() < 10 * SECOND {
        run_for(&fleet, SECOND / 2).await;
        if let Err(error) = server.command(&["GET", "x"]).await {
            loading += u32::from(error.code() == Some("LOADING"));
        }
    }
    assert!(loading > 0, "it was never seen loading");
    assert!(source.fetches() <= 1 + TEN * 5, "{}", source.fetches());
    recovers(&fleet, &source, "loading").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn some_are_cut_off() {
    let server = Redis::start().await;
    let source = ScriptedSource::tokens(LIFETIME);
    let (cut, swallowed) = (Proxy::to(&server).await, Proxy::to(&server).await);
    let mut fleet = fleet(&server, &source);
    fleet.truncate(6);
    for proxy in [&cut, &cut, &swallowed, &swallowed] {
        fleet.push(replica(proxy.store(), source.clone()));
    }
    common_token(&fleet).await;
    assert_eq!(source.fetches(), 1);
    cut.cut(true);
    swallowed.silent(true);
    run_for(&fleet, 3 * LIFETIME).await;
    // The six share; the four fetch for themselves.
    let during = source.fetches();
    assert!(during <= 1 + 5 * (1 + 4), "{during}");
    cut.cut(false);
    swallowed.silent(false);
    recovers(&fleet, &source, "cut off").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_delays_and_is_cut_again_and_again() {
    let server = Redis::start().await;
    let source = ScriptedSource::tokens(LIFETIME);
    let proxy = Proxy::to(&server).await;
    proxy.delay(SECOND / 20);
    let fleet: Vec<_> = (0..TEN)
        .map(|_| replica(proxy.store(), source.clone()))
        .collect();
    common_token(&fleet).await;
    assert_eq!(source.fetches(), 1);
    let cutting = async {
        loop {
            tokio::time::sleep(SECOND).await;
            proxy.cut(true);
            tokio::time::sleep(SECOND / 5).await;
            proxy.cut(false);
        }
    };
    tokio::select! {
        () = run_for(&fleet, 3 * LIFETIME) => {}
        () = cutting => {}
    }
    let during = source.fetches();
    assert!(during <= 1 + TEN * 5, "{during}");
    proxy.cut(false);
    recovers(&fleet, &source, "cut again and again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_one_may_ask_an_outage_of_the_store_asks_nobody() {
    let mut server = Redis::start().await;
    let source = ScriptedSource::tokens(LIFETIME);
    let strict = || {
        let store = patient(server.store());
        Replica::with(store, source.clone(), Shared::only_through_store).cached
    };
    let (one, other) = (strict(), strict());
    one.get().await.unwrap();
    other.get().await.unwrap();
    server.kill();
    tokio::time::sleep(LIFETIME).await;
    assert!(one.get_within(2 * SECOND).await.is_err());
    assert!(other.get_within(2 * SECOND).await.is_err());
    assert_eq!(source.fetches(), 1);
    server.restart().await;
    let (one, other) = tokio::join!(one.get_within(20 * SECOND), other.get_within(20 * SECOND));
    assert!(one.unwrap().same_secret(&other.unwrap()));
    assert_eq!(source.fetches(), 2);
}
