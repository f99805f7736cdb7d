//! [`Stage`]: the processes, the servers, and what is said of them.

use std::{ops::RangeInclusive, time::Duration};

use hallpass::BoxError;
use hallpass_testkit::Server;
use tokio::time::{Instant, sleep};

use crate::{fleet::Fleet, redis_server::RedisServer, replica::Settings};

/// Any random 32 bytes, in base64: in earnest, from your secret manager.
const KEY: &str = "aGFsbHBhc3MncyBleGFtcGxlIGZsZWV0IGtleSAzMiE=";

pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) redis: RedisServer,
    pub(crate) fleet: Fleet,
    began: Instant,
    acts: u32,
    failed: u32,
}

impl Stage {
    /// Starts everything. A token request takes as long as `delay`.
    pub(crate) async fn set(
        count: usize,
        lifetime: Duration,
        delay: Duration,
    ) -> Result<Self, BoxError> {
        let server = Server::builder().start().await;
        server.set_token_lifetime(lifetime);
        server.token_endpoint().delay(delay);
        let redis = RedisServer::start()?;
        let settings = Settings {
            redis: redis.url(),
            issuer: server.url(),
            key: KEY.to_owned(),
        };
        let lifetime = lifetime.as_secs();
        println!("{count} processes, tokens of {lifetime} s, one Redis");
        Ok(Self {
            began: Instant::now(),
            fleet: Fleet::start(count, &settings)?,
            server,
            redis,
            acts: 0,
            failed: 0,
        })
    }

    /// Begins an act: counts anew. Returns the token that all have, if it is one.
    pub(crate) fn begin(&self) -> Option<u64> {
        self.fleet.forget();
        self.server.clear_journal();
        self.fleet.common_token(None)
    }

    /// Until what all have was accepted, and is no longer new.
    pub(crate) async fn settle(&self) {
        sleep(Duration::from_secs(11)).await;
    }

    /// Whoever fetches first in this act.
    pub(crate) async fn holder(&self) -> Result<usize, BoxError> {
        for _ in 0..1000 {
            let holder = self.fleet.heard().holder;
            if let Some(holder) = holder {
                return Ok(holder);
            }
            sleep(Duration::from_millis(10)).await;
        }
        Err("nobody fetched".into())
    }

    /// The one token that all have once it is another than this.
    pub(crate) async fn common_token(
        &self,
        before: Option<u64>,
        except: Option<usize>,
    ) -> Result<u64, BoxError> {
        for _ in 0..1200 {
            let common = self.fleet.common_token(except);
            if let Some(token) = common.filter(|one| Some(*one) != before) {
                return Ok(token);
            }
            sleep(Duration::from_millis(50)).await;
        }
        let failures = self.fleet.heard().failures.join("\n");
        Err(format!("the replicas never had one token\n{failures}").into())
    }

    pub(crate) fn check(&mut self, holds: bool, what: &str) {
        if !holds {
            self.failed += 1;
            println!("          not so: {what}");
        }
    }

    /// Ends an act: says what there was, and whether it was as it should be.
    pub(crate) fn report(&mut self, what: &str, wanted: RangeInclusive<usize>) {
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

    pub(crate) fn end(self) -> Result<(), BoxError> {
        let Self { acts, failed, .. } = self;
        println!("ok: {acts} acts, {failed} failed");
        if failed == 0 {
            Ok(())
        } else {
            Err(format!("{failed} acts went another way").into())
        }
    }
}
