//! Ten thousand tenants, none of whom gets a token.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "it/common/mod.rs"]
mod common;

use std::time::Duration;

use hallpass_core::{Error, Keyed};
use tokio::{task::JoinSet, time::Instant};

use crate::common::{
    MINUTE, flaky, millis, refused, secs,
    tenants::{Issuer, Manner},
};

const TENANTS: u64 = 10_000;

/// What a tenant in trouble takes: its credential's keeper, its error, and the caller that waits.
const MOST_BYTES_EACH: usize = 12 * 1024;

/// What later rounds may add, of which nothing is kept.
const MOST_BYTES_MORE: usize = 16 * 1024 * 1024;

fn failing(error: &Error) -> (Issuer, Keyed<u64>) {
    let issuer = Issuer::taking(millis(10));
    for tenant in 0..TENANTS {
        issuer.set(tenant, Manner::Fails(error.clone()));
    }
    let clients = issuer.clone();
    let keyed = Keyed::builder(move |tenant: &u64| Ok(clients.client(*tenant)));
    let keyed = keyed
        .limit(usize::try_from(TENANTS).unwrap() * 5 / 4)
        .build();
    (issuer, keyed)
}

/// All of them ask at once. Returns how long the last one has waited.
async fn all_ask(keyed: &Keyed<u64>) -> Duration {
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for tenant in 0..TENANTS {
        let cached = keyed.get(&tenant).unwrap();
        callers.spawn(async move { cached.get().await.map(|_| ()) });
    }
    for outcome in callers.join_all().await {
        outcome.unwrap_err();
    }
    begun.elapsed()
}

#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse::<usize>().unwrap() * 1024
}

#[cfg(not(target_os = "linux"))]
fn resident() -> usize {
    0
}

/// Memory before, after the first round, and now.
fn is_bounded(before: usize, first: usize) {
    let now = resident();
    let (each, more) = (
        first.saturating_sub(before) / usize::try_from(TENANTS).unwrap(),
        now.saturating_sub(first),
    );
    assert!(each <= MOST_BYTES_EACH, "{each}");
    assert!(more <= MOST_BYTES_MORE, "{more}");
}

/// Refused for good: no tenant's client is asked more often than at once, after half a minute, a
/// minute more, two minutes more and so on, however often its callers come.
async fn are_refused_for_good() {
    let (issuer, keyed) = failing(&refused());
    let before = resident();
    all_ask(&keyed).await;
    let first = resident();
    for _ in 0..7 {
        tokio::time::sleep(secs(15)).await;
        assert!(all_ask(&keyed).await <= secs(5));
    }
    let fetches = issuer.all_fetches();
    assert!((2 * TENANTS..=3 * TENANTS).contains(&fetches), "{fetches}");
    is_bounded(before, first);
    assert_eq!((keyed.stats().fetching, keyed.stats().queued), (0, 0));
}

/// Down for all: callers that wait cost each tenant a fetch a second at most, and have their errors
/// after their patience and the time of a few turns.
async fn have_an_issuer_that_is_down() {
    let (issuer, keyed) = failing(&flaky());
    let before = resident();
    assert!(all_ask(&keyed).await <= secs(10));
    let first = resident();
    tokio::time::sleep(MINUTE).await;
    assert!(all_ask(&keyed).await <= secs(10));
    assert!(issuer.most_at_once() <= 64, "{}", issuer.most_at_once());
    let fetches = issuer.all_fetches();
    assert!(fetches <= 2 * 10 * TENANTS, "{fetches}");
    is_bounded(before, first);
    assert_eq!((keyed.stats().fetching, keyed.stats().queued), (0, 0));

    // And it is over at once.
    for tenant in 0..TENANTS {
        issuer.set(tenant, Manner::Answers);
    }
    for tenant in [0, TENANTS / 2, TENANTS - 1] {
        keyed.get(&tenant).unwrap().get().await.unwrap();
    }
}

/// One after the other, as memory is the whole process's.
#[tokio::test(start_paused = true)]
async fn ten_thousand_tenants_that_all_fail() {
    are_refused_for_good().await;
    have_an_issuer_that_is_down().await;
}
