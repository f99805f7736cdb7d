//! One fetch: a task of its own that serves everybody who waits, and always ends with an outcome.

use std::sync::Arc;

use tokio::{runtime::Handle, sync::watch};
use tracing::Instrument as _;

use super::{Cached, Shared, State, get::Get};
use crate::{Challenges, Credential, Error, Fetch, Reason, credential::Life};

pub(super) type Outcome = watch::Receiver<Option<Result<Credential, Error>>>;

/// The flight under way, as those who join it see it.
pub(super) struct Flight {
    pub(super) number: u64,
    pub(super) outcome: Outcome,
}

impl Cached {
    /// Starts the flight that the machine has just numbered. `version` is the source's from before.
    pub(super) fn start(
        &self,
        runtime: &Handle,
        mut state: std::sync::MutexGuard<'_, State>,
        number: u64,
        reason: Reason,
        version: u64,
    ) -> Outcome {
        let (sender, outcome) = watch::channel(None);
        state.flight = Some(Flight {
            number,
            outcome: outcome.clone(),
        });
        let challenges = match reason {
            Reason::Rejected => state.challenges.clone(),
            _ => Challenges::default(),
        };
        // The task may be dropped inside `spawn`, if its runtime is shutting down, and its guard
        // takes the lock.
        drop(state);
        let shared = Arc::clone(&self.shared);
        shared.counters.fetches.add();
        let name = &shared.description.name;
        let span = tracing::debug_span!(target: "hallpass", parent: None, "fetch", source = %name, ?reason);
        let guard = Landing {
            shared: Arc::clone(&shared),
            number,
            version,
            sender,
            done: false,
        };
        drop(runtime.spawn(fly(guard, reason, challenges).instrument(span)));
        outcome
    }

    /// Waits for a flight, a little longer than it may take. If it has not landed by then, the
    /// runtime that it runs on is stuck, and the next caller starts anew.
    pub(super) fn wait_for(&self, number: u64, mut outcome: Outcome) -> Get {
        let shared = Arc::clone(&self.shared);
        Get::waiting(async move {
            shared.counters.waits.add();
            let landed = outcome.wait_for(Option::is_some);
            match tokio::time::timeout(shared.policy.patience(), landed).await {
                Ok(Ok(outcome)) => outcome.clone().unwrap_or_else(|| Err(ended("was lost"))),
                Ok(Err(_)) => Err(ended("was lost")),
                Err(_) => {
                    shared.abandon(number);
                    Err(ended("made no progress on the runtime that it runs on"))
                }
            }
        })
    }
}

/// Runs the source. Whatever ends this future, `guard` tells the waiters.
async fn fly(guard: Landing, reason: Reason, challenges: Challenges) {
    let shared = Arc::clone(&guard.shared);
    let limit = shared.policy.fetch_deadline;
    let fetch = Fetch::new(reason, challenges, limit, shared.clock.clone());
    tracing::debug!(target: "hallpass", "fetch started");
    let outcome = match tokio::time::timeout(limit, shared.source.fetch(&fetch)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::timeout(format!(
            "no credential from {} within {} s",
            shared.description.name,
            limit.as_secs_f64()
        ))),
    };
    guard.end(&outcome, &fetch);
}

/// Ends its flight exactly once: with an outcome, or with an error when it is dropped without one.
struct Landing {
    shared: Arc<Shared>,
    number: u64,
    version: u64,
    sender: watch::Sender<Option<Result<Credential, Error>>>,
    done: bool,
}

impl Landing {
    fn end(mut self, outcome: &Result<Credential, Error>, fetch: &Fetch) {
        self.finish(outcome, Some(fetch));
    }

    fn finish(&mut self, outcome: &Result<Credential, Error>, fetch: Option<&Fetch>) {
        self.done = true;
        let shared = &self.shared;
        let random = fastrand::f64();
        let mut state = shared.lock();
        if state.machine.flight() != Some(self.number) {
            return;
        }
        state.flight = None;
        let now = shared.clock.now();
        let outcome = match outcome {
            Ok(credential) => {
                let sent = fetch.map_or(now, Fetch::sent_at);
                let (credential, left) =
                    state.machine.landed(now, sent, credential.clone(), random);
                shared.slot.store(state.machine.current().cloned());
                state.challenges = Challenges::default();
                drop(state);
                shared.log_success(&credential, left);
                Ok(credential)
            }
            Err(error) => {
                let shared_error = state.machine.failed(now, error, self.version, random);
                drop(state);
                shared.counters.failures.add();
                tracing::warn!(target: "hallpass", source = %shared.description.name, %error, permanent = error.is_permanent(), "fetch failed");
                Err(shared_error)
            }
        };
        // Nobody may be waiting, as for a renewal ahead.
        self.sender.send_replace(Some(outcome));
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        if !self.done {
            let how = if std::thread::panicking() {
                "panicked"
            } else {
                "was dropped with the runtime that it ran on"
            };
            self.finish(&Err(ended(how)), None);
        }
    }
}

fn ended(how: &str) -> Error {
    Error::interrupted(format!("the fetch of a credential {how}"))
}

impl Shared {
    fn log_success(&self, credential: &Credential, left: Option<std::time::Duration>) {
        let generation = credential.generation();
        tracing::debug!(target: "hallpass", generation, ?left, "fetch finished");
        if credential.life() == Life::Unknown {
            self.warned.call_once(|| {
                tracing::warn!(target: "hallpass", source = %self.description.name, "nothing says how long the credential lives; assuming the default");
            });
        }
    }

    fn abandon(&self, number: u64) {
        let mut state = self.lock();
        if state.machine.flight() == Some(number) {
            state.machine.lost();
            state.flight = None;
        }
    }
}
