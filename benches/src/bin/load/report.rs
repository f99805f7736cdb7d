//! What a run showed.

use hallpass_benches::{rounds::median, targets::Target};

use crate::{
    Protocol,
    failures::Failures,
    revocation::{CALLS, Revocation},
    traffic::{Kind, Recorded, WORKERS},
};

pub(crate) struct Report {
    protocol: Protocol,
    legs: usize,
    sum: Leg,
}

/// What one leg took, or all of them.
#[derive(Default)]
pub(crate) struct Leg {
    pub(crate) recorded: [Recorded; 3],
    pub(crate) revocation: Revocation,
    /// Calls that waited for a token, without the revocation.
    pub(crate) waits: u64,
    pub(crate) token_requests: u64,
    pub(crate) seconds: f64,
}

impl Report {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            legs: 0,
            sum: Leg::default(),
        }
    }

    pub(crate) fn add(&mut self, leg: Leg) {
        self.legs += 1;
        let sum = &mut self.sum;
        for (sum, one) in sum.recorded.iter_mut().zip(leg.recorded) {
            sum.add(one);
        }
        sum.revocation.add(leg.revocation);
        sum.waits += leg.waits;
        sum.token_requests += leg.token_requests;
        sum.seconds += leg.seconds;
    }

    pub(crate) fn print(&self) {
        println!(
            "\n{}, {WORKERS} calls in flight, {:.0} s:",
            self.protocol, self.sum.seconds
        );
        println!(
            "  {:<22} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}",
            "", "calls", "a second", "p50, µs", "p99, µs", "p99.9, µs", "failed"
        );
        for kind in Kind::ALL {
            let name = match kind {
                Kind::Bare => "without the layer",
                Kind::Fixed => "layer, static token",
                Kind::Renewing => "layer, renewed tokens",
            };
            let recorded = self.of(kind);
            println!(
                "  {name:<22} {:>9} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>7}",
                recorded.latencies.len(),
                recorded.throughput(),
                recorded.micros(0.5),
                recorded.micros(0.99),
                recorded.micros(0.999),
                recorded.failed.count,
            );
        }
        println!(
            "  {} token requests for 2 s tokens, {} calls waited for one",
            self.sum.token_requests, self.sum.waits
        );
        println!(
            "  all tokens revoked {} times, each with {CALLS} calls in flight: {} token requests, {} calls failed, all answered within {} ms",
            self.legs,
            self.sum.revocation.token_requests,
            self.sum.revocation.failed.count,
            self.sum.revocation.taken.as_millis()
        );
        if let Some(reason) = self.failures().first {
            println!("  the first failure: {reason}");
        }
    }

    pub(crate) fn targets(&self) -> Vec<Target> {
        let protocol = self.protocol;
        let [bare, fixed, renewing] = Kind::ALL.map(|kind| self.of(kind));
        vec![
            Target::at_least(
                format!("{protocol}: throughput with the layer / without, median of rounds"),
                renewing.against(bare),
                0.97,
            ),
            Target::exactly(
                format!("{protocol}: calls that waited after the first"),
                self.sum.waits as f64,
                0.0,
            ),
            Target::at_most(
                format!("{protocol}: p99.9 with renewals / with a static token"),
                renewing.micros(0.999) / fixed.micros(0.999),
                1.1,
            ),
            Target::exactly(
                format!("{protocol}: token requests for each mass revocation"),
                self.sum.revocation.token_requests as f64 / self.legs as f64,
                1.0,
            ),
            Target::exactly(
                format!("{protocol}: calls that failed, all in all"),
                self.failures().count as f64,
                0.0,
            ),
        ]
    }

    fn failures(&self) -> Failures {
        let mut all = self.sum.revocation.failed.clone();
        for one in &self.sum.recorded {
            all.add(one.failed.clone());
        }
        all
    }

    fn of(&self, kind: Kind) -> &Recorded {
        &self.sum.recorded[kind as usize]
    }
}

impl Recorded {
    /// What another leg recorded.
    fn add(&mut self, leg: Self) {
        self.latencies.extend(leg.latencies);
        self.latencies.sort_unstable();
        self.turns.extend(leg.turns);
        self.failed.add(leg.failed);
    }

    /// Calls a second that so many workers get done, each waiting for its answer.
    fn throughput(&self) -> f64 {
        let total: u64 = self.latencies.iter().copied().map(u64::from).sum();
        self.latencies.len() as f64 * WORKERS as f64 / (total.max(1) as f64 / 1e9)
    }

    /// The calls of its turns to those of the other's turns next to them. The median: something
    /// else that uses the machine hits a turn of the one or the other.
    fn against(&self, other: &Self) -> f64 {
        let mut ratios: Vec<f64> = self
            .turns
            .iter()
            .zip(&other.turns)
            .filter(|(one, other)| **one > 0 && **other > 0)
            .map(|(one, other)| f64::from(*one) / f64::from(*other))
            .collect();
        median(&mut ratios)
    }

    fn micros(&self, share: f64) -> f64 {
        let at = (self.latencies.len() as f64 * share) as usize;
        let nanos = self.latencies.get(at).or(self.latencies.last());
        f64::from(nanos.copied().unwrap_or_default()) / 1000.0
    }
}
