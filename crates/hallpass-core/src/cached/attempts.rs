//! The attempts of one fetch: one, or where the source allows it two side by side.

use std::{
    future::{Future, ready},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{Shared, state::Brought};
use crate::{
    Error, Fetch,
    fetch::{Pulse, Turn},
    sync::{Instant, sleep},
};

pub(super) type Attempt<'a> = Pin<Box<dyn Future<Output = Result<Brought, Error>> + Send + 'a>>;

/// At most two attempts are outstanding. The first one stays for as long as the fetch has time: a
/// slow answer is an answer. Beside it, while callers wait, a younger one is started anew whenever
/// it has been silent for long enough, so that a connection or a server that hangs is left behind
/// soon after it could be. The first good answer wins.
pub(super) struct Attempts<'a, N> {
    shared: &'a Shared,
    new_fetch: &'a N,
    pulse: &'a Arc<Pulse>,
    /// What the source's version was when the fetch began.
    version: u64,
}

impl<'a, N: Fn(u32) -> Fetch + Sync> Attempts<'a, N> {
    pub(super) fn new(
        shared: &'a Shared,
        new_fetch: &'a N,
        pulse: &'a Arc<Pulse>,
        version: u64,
    ) -> Self {
        Self {
            shared,
            new_fetch,
            pulse,
            version,
        }
    }

    /// How the fetch ends, and the attempt that was still outstanding then.
    pub(super) async fn run(self) -> (Result<Brought, Error>, Option<Attempt<'a>>) {
        let turn = self.turn().await;
        // From here on, so that a queue does not look like a slow server.
        let begun = Instant::now();
        let mut elder = self.attempt(1, ready(turn));
        if !self.shared.description.hedge {
            return (self.timed(begun, elder.await), None);
        }
        tokio::select! {
            biased;
            outcome = &mut elder => return (self.timed(begun, outcome), None),
            () = self.silence(self.shared.policy.hedge_after) => {}
        }
        loop {
            tracing::debug!(target: "hallpass", "no answer yet, an attempt starts beside the first");
            let mut younger = self.attempt(2, self.turn());
            tokio::select! {
                biased;
                outcome = &mut elder => return match outcome {
                    Ok(answer) => (Ok(answer), Some(younger)),
                    Err(error) if error.is_permanent() => (Err(error), None),
                    // What the other brings decides.
                    Err(_) => (younger.await, None),
                },
                outcome = &mut younger => match outcome {
                    Ok(answer) => return (Ok(answer), Some(elder)),
                    Err(error) if error.is_permanent() => return (Err(error), None),
                    Err(_) => return (elder.await, None),
                },
                () = self.silence(self.shared.policy.hedge_again_after) => {}
            }
        }
    }

    /// A place among the fetches that may run at once, once there is one.
    fn turn(&self) -> impl Future<Output = Option<Turn>> + Send + use<'a, N> {
        let (shared, pulse) = (self.shared, self.pulse);
        async move {
            let limit = shared.fetch_limit.get()?;
            let troubled = shared.lock().machine.is_troubled();
            Some(limit.turn(pulse, troubled).await)
        }
    }

    fn attempt(
        &self,
        number: u32,
        turn: impl Future<Output = Option<Turn>> + Send + 'a,
    ) -> Attempt<'a> {
        let (shared, new_fetch, pulse) = (self.shared, self.new_fetch, self.pulse);
        let version = self.version;
        Box::pin(async move {
            // Held until there is an answer. One that nobody waits for any more has no heartbeat, and
            // ends when others queue for its place two seconds later.
            let turn = turn.await;
            let fetch = new_fetch(number).in_turn(turn);
            tokio::select! {
                biased;
                outcome = shared.source.fetch(&fetch) => {
                    Ok(Brought {
                        credential: outcome?,
                        sent: fetch.sent_at(),
                        version,
                        existing: fetch.has_found_existing(),
                    })
                }
                () = pulse.needed() => Err(Error::interrupted("another fetch needed the place of this one")),
            }
        })
    }

    /// Ends after this long, or three times as long as the last answer took, once callers wait.
    async fn silence(&self, least: Duration) {
        const LOOK: Duration = Duration::from_millis(100);
        let usual = Duration::from_millis(self.shared.answered_in.load(Ordering::Relaxed));
        sleep(least.max(usual.saturating_mul(3))).await;
        while self.shared.waiting.load(Ordering::Relaxed) == 0 {
            sleep(LOOK).await;
        }
    }

    fn timed(&self, begun: Instant, outcome: Result<Brought, Error>) -> Result<Brought, Error> {
        if outcome.is_ok() {
            let passed = begun.elapsed().as_millis() as u64;
            self.shared.answered_in.store(passed, Ordering::Relaxed);
        }
        outcome
    }
}
