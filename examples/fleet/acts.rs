//! What happens to the fleet, act by act.

use std::time::Duration;

use hallpass::BoxError;
use tokio::time::sleep;

use crate::{fleet::signal, stage::Stage};

const SECOND: Duration = Duration::from_secs(1);

/// Whatever can go wrong, once.
pub(crate) async fn troubles(count: usize) -> Result<(), BoxError> {
    const LIFETIME: Duration = Duration::from_secs(20);
    let mut stage = Stage::set(count, LIFETIME, SECOND / 5).await?;
    let each = 2 * count;

    stage.common_token(None, None).await?;
    stage.report("all started together", 1..=1);

    stage.settle().await;
    let before = stage.begin();
    stage.server.revoke_all();
    stage.common_token(before, None).await?;
    stage.report("every token revoked", 1..=1);

    stage.begin();
    sleep(2 * LIFETIME).await;
    stage.report("two lifetimes go by", 2..=3);

    stage.settle().await;
    let before = stage.begin();
    let hold = stage.server.token_endpoint().hold();
    stage.server.revoke_all();
    let holder = stage.holder().await?;
    stage.fleet.kill(holder);
    drop(hold);
    stage.common_token(before, None).await?;
    stage.report("whoever fetched was killed", 1..=2);

    stage.settle().await;
    let before = stage.begin();
    let hold = stage.server.token_endpoint().hold();
    stage.server.revoke_all();
    let holder = stage.holder().await?;
    let process = stage.fleet.process(holder).ok_or("no such process")?;
    signal(process, "STOP")?;
    drop(hold);
    let common = stage.common_token(before, Some(holder)).await?;
    signal(process, "CONT")?;
    sleep(2 * SECOND).await;
    let others = stage.fleet.common_token(Some(holder));
    let woken = stage.fleet.token_of(holder);
    stage.check(
        others == Some(common) && woken == Some(common),
        "the one that was woken displaced nothing, and has the others' token",
    );
    // On a busy machine the one that took its place may lose its short lease as well.
    stage.report("whoever fetched was stopped, and woken", 1..=3);

    stage.settle().await;
    stage.begin();
    signal(stage.redis.process(), "STOP")?;
    sleep(LIFETIME).await;
    stage.report("Redis stopped for a lifetime", 0..=each);
    stage.begin();
    signal(stage.redis.process(), "CONT")?;
    sleep(LIFETIME).await;
    stage.report("Redis goes on", 0..=each);
    stage.begin();
    sleep(2 * LIFETIME).await;
    stage.report("two lifetimes go by", 1..=4);

    stage.begin();
    stage.redis.command("FLUSHALL")?;
    sleep(LIFETIME).await;
    stage.report("Redis emptied, a lifetime goes by", 1..=3);
    stage.end()
}

/// Nothing goes wrong, for ten lifetimes.
pub(crate) async fn lifetimes(count: usize) -> Result<(), BoxError> {
    // A token is renewed after three quarters of its life and before 19 twentieths: in this second
    // even a busy machine has run all processes.
    const LIFETIME: Duration = Duration::from_secs(5);
    let mut stage = Stage::set(count, LIFETIME, SECOND / 50).await?;
    stage.common_token(None, None).await?;
    // Processes that start late still count as started together.
    stage.begin();
    sleep(10 * LIFETIME).await;
    let waits = stage.fleet.heard().waits;
    stage.check(waits == 0, &format!("no call waits, but {waits} did"));
    stage.report("ten lifetimes go by", 10..=14);
    stage.end()
}
