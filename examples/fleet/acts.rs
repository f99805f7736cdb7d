//! What happens to the fleet, act by act.

use std::time::Duration;

use hallpass::BoxError;
use hallpass_testkit::Server;
use tokio::time::{Instant, sleep};

use crate::{
    fleet::{Fleet, signal},
    redis_server::RedisServer,
    replica::Settings,
};

const SECOND: Duration = Duration::from_secs(1);
const LIFETIME: Duration = Duration::from_secs(20);

/// Any random 32 bytes, in base64: in earnest, from your secret manager.
const KEY: &str = "aGFsbHBhc3MncyBleGFtcGxlIGZsZWV0IGtleSAzMiE=";

struct Stage {
    began: Instant,
    server: Server,
    redis: RedisServer,
    fleet: Fleet,
    acts: u32,
    failed: u32,
}

pub(crate) async fn all(count: usize) -> Result<(), BoxError> {
    let server = Server::builder().start().await;
    server.set_token_lifetime(LIFETIME);
    server.token_endpoint().delay(SECOND / 5);
    let redis = RedisServer::start()?;
    let settings = Settings {
        redis: redis.url(),
        issuer: server.url(),
        key: KEY.to_owned(),
    };
    println!(
        "{count} processes, tokens of {} s, one Redis",
        LIFETIME.as_secs()
    );
    let mut stage = Stage {
        began: Instant::now(),
        fleet: Fleet::start(count, &settings)?,
        server,
        redis,
        acts: 0,
        failed: 0,
    };
    stage.cold_start().await?;
    stage.revocation().await?;
    stage.lifetimes().await;
    stage.holder_killed().await?;
    stage.holder_stopped().await?;
    stage.redis_stopped().await?;
    stage.redis_emptied().await?;
    let Stage { acts, failed, .. } = stage;
    println!("ok: {acts} acts, {failed} failed");
    if failed == 0 {
        Ok(())
    } else {
        Err(format!("{failed} acts went another way").into())
    }
}

impl Stage {
    async fn cold_start(&mut self) -> Result<(), BoxError> {
        self.common_token_other_than(None, None).await?;
        self.report("all started together", 1..=1);
        Ok(())
    }

    async fn revocation(&mut self) -> Result<(), BoxError> {
        self.settle().await;
        self.begin();
        let before = self.fleet.common_token(None);
        self.server.revoke_all();
        self.common_token_other_than(before, None).await?;
        self.report("every token revoked", 1..=1);
        Ok(())
    }

    async fn lifetimes(&mut self) {
        self.begin();
        sleep(2 * LIFETIME).await;
        self.report("two lifetimes go by", 2..=3);
    }

    /// Whoever fetches is killed before there is an answer.
    async fn holder_killed(&mut self) -> Result<(), BoxError> {
        self.settle().await;
        self.begin();
        let before = self.fleet.common_token(None);
        let hold = self.server.token_endpoint().hold();
        self.server.revoke_all();
        let holder = self.holder().await?;
        self.fleet.kill(holder);
        drop(hold);
        self.common_token_other_than(before, None).await?;
        self.report("whoever fetched was killed", 1..=2);
        Ok(())
    }

    /// Whoever fetches is stopped until another one has done it.
    async fn holder_stopped(&mut self) -> Result<(), BoxError> {
        self.settle().await;
        self.begin();
        let before = self.fleet.common_token(None);
        let hold = self.server.token_endpoint().hold();
        self.server.revoke_all();
        let holder = self.holder().await?;
        let process = self.fleet.process(holder).ok_or("no such process")?;
        signal(process, "STOP")?;
        drop(hold);
        let common = self.common_token_other_than(before, Some(holder)).await?;
        signal(process, "CONT")?;
        sleep(2 * SECOND).await;
        let woken = self.fleet.token_of(holder);
        let others = self.fleet.common_token(Some(holder));
        self.check(
            others == Some(common) && woken == Some(common),
            "the one that was woken displaced nothing, and has the others' token",
        );
        // On a busy machine the one that took its place may lose its short lease as well.
        self.report("whoever fetched was stopped, and woken", 1..=3);
        Ok(())
    }

    async fn redis_stopped(&mut self) -> Result<(), BoxError> {
        self.settle().await;
        self.begin();
        signal(self.redis.process(), "STOP")?;
        sleep(LIFETIME).await;
        let each = self.fleet.living() * 2;
        self.report("Redis stopped for a lifetime", 0..=each);
        self.begin();
        signal(self.redis.process(), "CONT")?;
        sleep(LIFETIME).await;
        self.report("Redis goes on", 0..=each);
        self.begin();
        sleep(2 * LIFETIME).await;
        self.report("two lifetimes go by", 1..=4);
        Ok(())
    }

    async fn redis_emptied(&mut self) -> Result<(), BoxError> {
        self.begin();
        self.redis.command("FLUSHALL")?;
        sleep(LIFETIME).await;
        self.report("Redis emptied, a lifetime goes by", 1..=3);
        Ok(())
    }

    fn begin(&self) {
        self.fleet.forget();
        self.server.clear_journal();
    }

    /// Until what all have was accepted, and is no longer new.
    async fn settle(&self) {
        sleep(11 * SECOND).await;
    }

    async fn holder(&self) -> Result<usize, BoxError> {
        for _ in 0..1000 {
            let holder = self.fleet.heard().holder;
            if let Some(holder) = holder {
                return Ok(holder);
            }
            sleep(SECOND / 100).await;
        }
        Err("nobody fetched".into())
    }

    async fn common_token_other_than(
        &self,
        before: Option<u64>,
        except: Option<usize>,
    ) -> Result<u64, BoxError> {
        for _ in 0..1200 {
            if let Some(token) = self
                .fleet
                .common_token(except)
                .filter(|one| Some(*one) != before)
            {
                return Ok(token);
            }
            sleep(SECOND / 20).await;
        }
        let failures = self.fleet.heard().failures.join("\n");
        Err(format!("the replicas never had one token\n{failures}").into())
    }

    fn check(&mut self, holds: bool, what: &str) {
        if !holds {
            self.failed += 1;
            println!("          not so: {what}");
        }
    }

    fn report(&mut self, what: &str, wanted: std::ops::RangeInclusive<usize>) {
        self.acts += 1;
        let requests = self.server.journal().token_requests();
        let heard = self.fleet.heard();
        let (calls, failures) = (heard.calls, heard.failures.clone());
        drop(heard);
        let at = self.began.elapsed().as_secs_f32();
        println!(
            "{at:7.1} s  {what}: {requests} token requests, {calls} calls, {} failed",
            failures.len()
        );
        for failure in failures.iter().take(3) {
            println!("          {failure}");
        }
        let bound = format!("{} to {} token requests", wanted.start(), wanted.end());
        self.check(wanted.contains(&requests), &bound);
        self.check(failures.is_empty(), "no call failed");
    }
}
