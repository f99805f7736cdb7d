//! Hours of trouble in seconds of paused time: 50 calls a second, fetches of 100 ms.
//!
//! `cargo xtask simulate` prints the table, with the two that last an hour at full length.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may panic, and prints its table"
)]

mod table;
mod world;

use std::{future::Future, thread, time::Duration};

use hallpass_core::Error;
use table::{Row, at_most, between};
use world::{ANSWER, FETCH, World};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

const LAGS: [Duration; 3] = [
    Duration::from_millis(1500),
    Duration::from_secs(3),
    Duration::from_secs(5),
];

/// What an outage after a revocation may take beyond the lag: two fetches.
const BEYOND: Duration = Duration::from_millis(200);

/// From a cold start on, a first token that is refused may simply be bad and is replaced once: fetch,
/// refusal, fetch, and then the lag of that second token.
const BEYOND_COLD: Duration = FETCH.saturating_add(ANSWER).saturating_add(FETCH);

/// A call that is refused and at once sent again succeeds this much after the one before it.
const UNBROKEN: f64 = 0.1;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn lag_when_cold(lag: Duration) -> Row {
    let world = World::new(HOUR);
    world.api.replication_lag(lag);
    let most = lag + BEYOND_COLD;
    let name = format!("lag of {lag:?}, cold start: fetch, refusal, fetch, lag");
    outage_of(&world, most, name).await
}

async fn lag_when_revoked(lag: Duration) -> Row {
    let world = World::warm(HOUR).await;
    world.api.replication_lag(lag);
    world.source.revoke_all();
    let most = lag + BEYOND;
    let name = format!("lag of {lag:?}, all revoked");
    outage_of(&world, most, name).await
}

async fn outage_of(world: &World, most: Duration, name: String) -> Row {
    world.good(secs(40)).await;
    let outage = world.look().outage;
    let figure = at_most(outage.as_secs_f64(), most.as_secs_f64());
    Row::new(name).and("longest outage, s", figure)
}

async fn lag_after_a_renewal_ahead(lag: Duration) -> Row {
    let world = World::warm(secs(300)).await;
    world.api.replication_lag(lag);
    let before = world.source.fetches();
    world.good(secs(500)).await;
    let tally = world.look();
    Row::new(format!("lag of {lag:?}, two renewals ahead"))
        .and("failed", at_most(tally.failed, 0))
        .and(
            "longest outage, s",
            at_most(tally.outage.as_secs_f64(), UNBROKEN),
        )
        .and("token requests", between(world.fetches_since(before), 2, 4))
}

async fn a_broken_endpoint(minutes: u32) -> Row {
    let world = World::warm(2 * HOUR).await;
    let (time, before) = (minutes * MINUTE, world.source.fetches());
    tokio::join!(world.good(time), world.broken(time));
    let tally = world.look();
    // The gap grows to a minute.
    let most = 10 + minutes as usize;
    Row::new(format!("a 401 endpoint at 1/s, {minutes} min"))
        .and("token requests", at_most(world.fetches_since(before), most))
        .and("good calls slowed", at_most(tally.slow, 0))
        .and("failed", at_most(tally.failed, 0))
}

async fn a_broken_endpoint_and_all_revoked() -> Row {
    let world = World::warm(2 * HOUR).await;
    let revoking = async {
        let mut failed = Vec::new();
        // In the long gaps of a back-off, at its start, and anywhere between.
        for pause in [302, 5, 93, 47] {
            tokio::time::sleep(secs(pause) + Duration::from_millis(310)).await;
            failed.push(world.look().failed);
            world.source.revoke_all();
        }
        failed
    };
    let time = 10 * MINUTE;
    let ((), (), mut failed) = tokio::join!(world.good(time), world.broken(time), revoking);
    failed.push(world.look().failed);
    let row = Row::new("the same, all revoked meanwhile, four times");
    row.and("failed before the first", at_most(failed.remove(0), 0))
        .and("failed after the 1st", at_most(failed[0], 2))
        .and("failed after the 2nd", at_most(failed[1], 2))
        .and("failed after the 3rd", at_most(failed[2], 2))
        .and("failed after the 4th", at_most(failed[3], 2))
}

async fn lag_beside_a_broken_endpoint(lag: Duration) -> Row {
    let world = World::new(secs(300));
    world.api.replication_lag(lag);
    let time = 8 * MINUTE;
    let cold = async {
        tokio::time::sleep(lag + 2 * BEYOND).await;
        world.look()
    };
    let (cold, (), ()) = tokio::join!(cold, world.good(time), world.broken(time));
    let after = world.look();
    let unavoidable = 50.0 * (lag + BEYOND_COLD).as_secs_f64();
    Row::new(format!("lag of {lag:?} beside a 401 endpoint, 8 min"))
        .and(
            "failed, cold start",
            at_most(cold.failed, unavoidable as usize),
        )
        .and("failed, later", at_most(after.failed, 0))
}

async fn the_issuer_is_down_after_a_refusal() -> Row {
    let world = World::warm(2 * HOUR).await;
    let trouble = async {
        tokio::time::sleep(MINUTE).await;
        world.source.down(Error::transient("the issuer is down"));
        world.api.respond_next(1, 401);
        tokio::time::sleep(10 * MINUTE).await;
        world.source.up();
    };
    tokio::join!(world.good(12 * MINUTE), trouble);
    let failed = world.look().failed;
    // The one that the API itself refused has no other answer.
    Row::new("the issuer down 10 min after one refusal").and(
        "failed beside the refused call",
        at_most(failed.saturating_sub(1), 0),
    )
}

async fn mass_revocation() -> Row {
    let world = World::warm(HOUR).await;
    let before = world.source.fetches();
    let revoking = async {
        tokio::time::sleep(secs(5)).await;
        world.source.revoke_all();
        world.burst(1000).await;
    };
    tokio::join!(world.good(secs(60)), revoking);
    Row::new("mass revocation, 1000 calls at once")
        .and("token requests", at_most(world.fetches_since(before), 1))
        .and("failed", at_most(world.look().failed, 0))
}

async fn short_tokens(minutes: u32, least: usize, most: usize) -> Row {
    let world = World::warm(secs(300)).await;
    let (waits, before) = (world.cached.stats().waits, world.source.fetches());
    world.good(minutes * MINUTE).await;
    let tally = world.look();
    // One token was there already.
    let requests = world.fetches_since(before) + 1;
    Row::new(format!("tokens of 300 s, {minutes} min"))
        .and("token requests", between(requests, least, most))
        .and(
            "waiting calls",
            at_most((world.cached.stats().waits - waits) as usize, 0),
        )
        .and("good calls slowed", at_most(tally.slow, 0))
        .and("failed", at_most(tally.failed, 0))
}

/// Each simulation has a thread, a runtime and a paused clock of its own.
fn simulate<F>(simulation: impl FnOnce() -> F + Send + 'static) -> thread::JoinHandle<Row>
where
    F: Future<Output = Row>,
{
    thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(simulation())
    })
}

fn check(running: Vec<thread::JoinHandle<Row>>) {
    let rows: Vec<_> = running.into_iter().map(|row| row.join().unwrap()).collect();
    let table = table::written(&rows);
    println!("{table}");
    assert!(rows.iter().all(Row::holds), "more than wanted:\n{table}");
}

#[test]
fn trouble_costs_no_more_than_it_must() {
    let mut running = Vec::new();
    running.extend(LAGS.map(|lag| simulate(move || lag_when_cold(lag))));
    running.extend(LAGS.map(|lag| simulate(move || lag_when_revoked(lag))));
    running.extend(LAGS.map(|lag| simulate(move || lag_after_a_renewal_ahead(lag))));
    running.push(simulate(|| a_broken_endpoint(12)));
    running.push(simulate(a_broken_endpoint_and_all_revoked));
    running.extend(LAGS.map(|lag| simulate(move || lag_beside_a_broken_endpoint(lag))));
    running.push(simulate(the_issuer_is_down_after_a_refusal));
    running.push(simulate(mass_revocation));
    running.push(simulate(|| short_tokens(16, 4, 5)));
    check(running);
}

#[test]
#[ignore = "40 s of computing: its short forms are above, and `cargo xtask simulate` runs it"]
fn an_hour_of_trouble_costs_no_more_than_it_must() {
    check(vec![
        simulate(|| a_broken_endpoint(60)),
        simulate(|| short_tokens(60, 14, 16)),
    ]);
}
