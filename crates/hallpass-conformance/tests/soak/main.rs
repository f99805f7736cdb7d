//! A long mixed load over every adapter, with random trouble: each failed call must be explained by
//! a rule, nothing may be done twice, and memory, tasks and sockets must not grow.
//!
//! `cargo xtask soak --minutes N` gives it as long as that; otherwise it takes a few seconds, which
//! are too short to see anything grow.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may panic, and prints a report"
)]

#[path = "../callers/mod.rs"]
mod callers;
mod done;
mod gauges;
mod journal;
mod load;
mod redis;
mod rules;
mod timeline;
mod trouble;
mod world;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use gauges::Gauges;
use load::Load;
use rules::{OVERTAKEN, bound};
use timeline::{Harm, Timeline};
use world::World;

/// How long it takes unless that is said.
const SHORT: Duration = Duration::from_secs(6);

/// From this on, what grows is looked for.
const LONG_ENOUGH: Duration = Duration::from_secs(60);

fn number(name: &str) -> Option<u64> {
    let said = std::env::var(name).ok()?;
    Some(said.parse().expect("a whole number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failed_call_is_explained() {
    let length = number("HALLPASS_SOAK_SECONDS").map_or(SHORT, Duration::from_secs);
    let seed = number("HALLPASS_SOAK_SEED").unwrap_or_else(|| match length {
        // Part of the whole suite, which is to do the same each time.
        SHORT => 16,
        _ => fastrand::u64(..),
    });
    println!("soak: {} s, HALLPASS_SOAK_SEED={seed}", length.as_secs());

    let timeline = Arc::new(Timeline::new());
    let mut world = World::start().await;
    let load = Load::start(&world, &timeline, seed);
    let mut gauges = Gauges::new(length);
    let mut random = fastrand::Rng::with_seed(seed);
    let end = Instant::now() + length;
    while Instant::now() < end {
        // Long enough for what the last one left behind to be gone.
        let calm = Duration::from_millis(random.u64(1500..4000));
        gauges.watch(calm, || world.tidy()).await;
        if Instant::now() + Duration::from_secs(2) < end {
            trouble::play(&mut world, &timeline, &mut random).await;
        }
    }
    gauges.watch(Duration::from_secs(2), || world.tidy()).await;
    let outcome = load.stop().await;
    let most = bound(&world, &timeline, length);

    println!("{timeline}");
    println!("{outcome}");
    println!("{gauges}");
    let (tokens, twice) = (world.token_requests(), world.done.twice());
    println!(
        "token requests: {tokens}, of {most} that the rules allow; actions done twice: {twice}"
    );
    let mut wrong = outcome.unexplained;
    if tokens > most {
        wrong.push(format!("{tokens} token requests, and {most} are allowed"));
    }
    let overtaken = outcome.explained.get(OVERTAKEN).copied().unwrap_or(0);
    let losses = timeline.of(&[Harm::Loss]).len();
    if overtaken > 1 + losses / 10 {
        wrong.push(format!("{overtaken} calls: {OVERTAKEN}; {losses} losses"));
    }
    if twice > 0 {
        wrong.push(format!("{twice} actions were done twice"));
    }
    if length >= LONG_ENOUGH && cfg!(target_os = "linux") {
        wrong.extend(gauges.grown());
    }
    assert!(wrong.is_empty(), "seed {seed}:\n{}\n", wrong.join("\n"));
}
