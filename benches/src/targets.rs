//! What was wanted, beside what was measured.

use std::fmt;

/// One target.
#[derive(Debug, Clone)]
pub struct Target {
    what: String,
    measured: f64,
    limit: Limit,
    unit: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
    Exactly(f64),
}

impl Target {
    /// Not more than this.
    pub fn at_most(what: impl Into<String>, measured: f64, limit: f64) -> Self {
        Self::new(what, measured, Limit::AtMost(limit))
    }

    /// Not less than this.
    pub fn at_least(what: impl Into<String>, measured: f64, limit: f64) -> Self {
        Self::new(what, measured, Limit::AtLeast(limit))
    }

    /// Just this.
    pub fn exactly(what: impl Into<String>, measured: f64, limit: f64) -> Self {
        Self::new(what, measured, Limit::Exactly(limit))
    }

    fn new(what: impl Into<String>, measured: f64, limit: Limit) -> Self {
        Self {
            what: what.into(),
            measured,
            limit,
            unit: "",
        }
    }

    /// Names what both numbers count.
    #[must_use]
    pub fn of(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// Whether it is met.
    pub fn is_met(&self) -> bool {
        match self.limit {
            Limit::AtMost(limit) => self.measured <= limit,
            Limit::AtLeast(limit) => self.measured >= limit,
            Limit::Exactly(limit) => (self.measured - limit).abs() < 1e-9,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, limit) = match self.limit {
            Limit::AtMost(limit) => ("≤", limit),
            Limit::AtLeast(limit) => ("≥", limit),
            Limit::Exactly(limit) => ("=", limit),
        };
        write!(
            f,
            "{:<6}  {}: {}{} (target {sign} {}{})",
            if self.is_met() { "ok" } else { "missed" },
            self.what,
            short(self.measured),
            self.unit,
            short(limit),
            self.unit,
        )
    }
}

/// As few digits as say it.
fn short(value: f64) -> String {
    if (value - value.round()).abs() < 1e-9 || value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').to_owned()
    }
}

/// Prints them, one on each line.
#[allow(clippy::print_stdout, reason = "for command-line tools")]
pub fn print(targets: &[Target]) {
    println!("\ntargets:");
    for target in targets {
        println!("  {target}");
    }
}
