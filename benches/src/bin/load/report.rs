//! What a run showed.

use hallpass_benches::{rounds::median, targets::Target};

use crate::{
    Protocol,
    revocation::{CALLS, Revocation},
    traffic::{Kind, Recorded, WORKERS},
};

pub(crate) struct Report {
    pub(crate) protocol: Protocol,
    pub(crate) recorded: [Recorded; 3],
    pub(crate) revocation: Revocation,
    /// Calls that waited for a token, without the revocation.
    pub(crate) waits: u64,
    pub(crate) token_requests: u64,
    pub(crate) seconds: f64,
}

impl Report {
    pub(crate) fn print(&self) {
        println!(
            "\n{}, {WORKERS} calls in flight, {:.0} s:",
            self.protocol, self.seconds
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
                recorded.failed,
            );
        }
        println!(
            "  {} token requests for 2 s tokens, {} calls waited for one",
            self.token_requests, self.waits
        );
        println!(
            "  all tokens revoked with {CALLS} calls in flight: {} token request(s), {} failed, all answered after {} ms",
            self.revocation.token_requests,
            self.revocation.failed,
            self.revocation.taken.as_millis()
        );
    }

    pub(crate) fn targets(&self) -> Vec<Target> {
        let protocol = self.protocol;
        let [bare, fixed, renewing] = Kind::ALL.map(|kind| self.of(kind));
        let failed: usize = self.recorded.iter().map(|one| one.failed).sum();
        vec![
            Target::at_least(
                format!("{protocol}: throughput with the layer / without, median of rounds"),
                renewing.against(bare),
                0.97,
            ),
            Target::exactly(
                format!("{protocol}: calls that waited after the first"),
                self.waits as f64,
                0.0,
            ),
            Target::at_most(
                format!("{protocol}: p99.9 with renewals / with a static token"),
                renewing.micros(0.999) / fixed.micros(0.999),
                1.1,
            ),
            Target::exactly(
                format!("{protocol}: token requests after the mass revocation"),
                self.revocation.token_requests as f64,
                1.0,
            ),
            Target::exactly(
                format!("{protocol}: calls that failed, all in all"),
                (self.revocation.failed + failed) as f64,
                0.0,
            ),
        ]
    }

    fn of(&self, kind: Kind) -> &Recorded {
        &self.recorded[kind as usize]
    }
}

impl Recorded {
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
