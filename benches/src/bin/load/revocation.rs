//! All tokens are revoked while a thousand calls are in flight.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{Outcome, failures::Failures, server::Server, traffic::Clients};

/// Calls that are in flight at the server when their tokens are revoked.
pub(crate) const CALLS: usize = 1000;
const PATIENCE: Duration = Duration::from_secs(30);

/// What it cost.
#[derive(Default)]
pub(crate) struct Revocation {
    pub(crate) token_requests: u64,
    pub(crate) failed: Failures,
    pub(crate) taken: Duration,
}

impl Revocation {
    /// Adds another one; of the times the longest counts.
    pub(crate) fn add(&mut self, other: Self) {
        self.token_requests += other.token_requests;
        self.failed.add(other.failed);
        self.taken = self.taken.max(other.taken);
    }
}

pub(crate) async fn revoke(clients: &Clients, server: &Server) -> Outcome<Revocation> {
    // Right after a renewal there is time until the next one, which must not be counted. All calls
    // carry the token that is revoked: with the one before it, a replay would meet that one.
    let cached = clients.renewing();
    let held = cached.stats().generation;
    until(|| cached.stats().generation > held).await?;

    let url = server.url("/hold");
    let calls: Vec<_> = (0..CALLS)
        .map(|_| {
            let (clients, url) = (clients.clone(), url.clone());
            tokio::spawn(async move { clients.call_renewing(&url).await })
        })
        .collect();
    until(|| server.held() >= CALLS).await?;

    let before = server.token_requests();
    let start = Instant::now();
    server.revoke_all();
    let mut failed = Failures::default();
    for call in calls {
        failed.note(call.await?);
    }
    let revocation = Revocation {
        token_requests: server.token_requests() - before,
        failed,
        taken: start.elapsed(),
    };
    // What is left over of it belongs to no slice.
    sleep(Duration::from_millis(500)).await;
    Ok(revocation)
}

async fn until(mut done: impl FnMut() -> bool) -> Outcome<()> {
    let end = Instant::now() + PATIENCE;
    while !done() {
        if Instant::now() > end {
            return Err("the server did not get there within 30 s".into());
        }
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
