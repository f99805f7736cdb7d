//! A closed loop: each worker sends its next call when the last one is answered.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use tokio::time::Instant;

use crate::{Outcome, contenders::Contender};

/// Calls in flight, each on a connection of its own.
pub(crate) const WORKERS: usize = 32;

#[derive(Debug, Default)]
pub(crate) struct Recorded {
    nanos: Vec<u32>,
    seconds: f64,
    pub(crate) failed: usize,
}

impl Recorded {
    pub(crate) fn add(&mut self, turn: Self) {
        self.nanos.extend(turn.nanos);
        self.nanos.sort_unstable();
        self.seconds += turn.seconds;
        self.failed += turn.failed;
    }

    pub(crate) fn throughput(&self) -> f64 {
        self.nanos.len() as f64 / self.seconds
    }

    pub(crate) fn micros(&self, share: f64) -> f64 {
        let at = (self.nanos.len() as f64 * share) as usize;
        let nanos = self.nanos.get(at).or(self.nanos.last());
        f64::from(nanos.copied().unwrap_or_default()) / 1000.0
    }
}

pub(crate) async fn turn(contender: &Contender, length: Duration) -> Outcome<Recorded> {
    let start = Instant::now();
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let mut caller = contender.caller();
            tokio::spawn(async move {
                let mut recorded = Recorded::default();
                while start.elapsed() < length {
                    let begun = Instant::now();
                    match caller.call(Method::GET, Bytes::new()).await {
                        Ok(StatusCode::OK) => {
                            let nanos = begun.elapsed().as_nanos();
                            recorded
                                .nanos
                                .push(u32::try_from(nanos).unwrap_or(u32::MAX));
                        }
                        _ => recorded.failed += 1,
                    }
                }
                recorded
            })
        })
        .collect();
    let mut all = Recorded::default();
    for worker in workers {
        let recorded = worker.await?;
        all.nanos.extend(recorded.nanos);
        all.failed += recorded.failed;
    }
    all.seconds = start.elapsed().as_secs_f64();
    Ok(all)
}
