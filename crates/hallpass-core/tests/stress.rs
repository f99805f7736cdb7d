//! Runtimes that last and runtimes that don't, panics, drops and clock jumps, all at once.
//!
//! `HALLPASS_STRESS_SECONDS=60 cargo test -p hallpass-core --test stress` takes a minute.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    time::Duration,
};

use common::{Source, flaky, millis, secs, token, with_policy};
use hallpass_core::{Cached, Challenges, Policy};
use tokio::runtime::{Builder, Runtime};

fn seconds() -> u64 {
    let said = std::env::var("HALLPASS_STRESS_SECONDS").ok();
    said.and_then(|said| said.parse().ok()).unwrap_or(2)
}

fn runtime(threads: usize) -> Runtime {
    let mut builder = if threads == 0 {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    builder.worker_threads(threads.max(1)).enable_all();
    builder.build().unwrap()
}

/// What one caller does, at random. Says whether it got a credential.
async fn call(cached: &Cached, random: &mut fastrand::Rng) -> bool {
    if random.u32(..20) == 0 {
        // A caller that goes away.
        let _ = tokio::time::timeout(Duration::from_micros(200), cached.get()).await;
        return false;
    }
    let Ok(credential) = cached.get_within(secs(20)).await else {
        return false;
    };
    match random.u32(..30) {
        0 => drop(cached.reject(&credential, &Challenges::default())),
        1..=5 => cached.accept(&credential),
        6 => drop(cached.try_get()),
        _ => {}
    }
    true
}

#[test]
fn one_fetch_at_a_time_and_nothing_lost_on_any_mix_of_runtimes() {
    let source = Source::new(|n, _| match n % 11 {
        3 => Err(flaky()),
        7 => panic!("as a source may"),
        _ => Ok(token(n, secs(300))),
    })
    .taking(millis(2));
    let policy = Policy::default()
        .transient_gap(millis(1))
        .waiting_gap_limit(millis(5))
        .outage_gap_limit(millis(5))
        .transient_gap_limit(millis(5))
        .rejection_gap(millis(1))
        .rejection_gap_limit(millis(5))
        // The clock jumps here, so nobody may think that a fetch is overdue.
        .fetch_deadline(secs(36_000));
    let (cached, hands) = with_policy(&source, policy);
    let over = AtomicBool::new(false);
    let (served, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (cached, over, served, failed) = (&cached, &over, &served, &failed);
            scope.spawn(move || {
                let lasting = runtime(seed as usize % 2);
                let mut random = fastrand::Rng::with_seed(seed);
                lasting.block_on(async {
                    while !over.load(SeqCst) {
                        let count = if call(cached, &mut random).await {
                            served
                        } else {
                            failed
                        };
                        count.fetch_add(1, SeqCst);
                        tokio::time::sleep(Duration::from_micros(300)).await;
                    }
                });
            });
        }
        scope.spawn(|| {
            let mut random = fastrand::Rng::with_seed(99);
            while !over.load(SeqCst) {
                // Each lives for one call, or less.
                let short = runtime(random.usize(..2));
                if random.bool() {
                    short.block_on(async { call(&cached, &mut random).await });
                } else {
                    drop(short.spawn(cached.get()));
                    short.shutdown_background();
                }
                if random.u32(..10) == 0 {
                    hands.pass(secs(random.u64(..400)));
                }
            }
        });
        std::thread::sleep(secs(seconds()));
        over.store(true, SeqCst);
    });
    assert_eq!(source.most_at_once(), 1);
    let (served, failed) = (served.into_inner(), failed.into_inner());
    assert!(served > 100, "{served} served, {failed} failed");
    // Those that went away, and hardly any other.
    assert!(failed < served / 5, "{served} served, {failed} failed");
    let last = runtime(0).block_on(cached.get_within(secs(20)));
    last.unwrap();
}
