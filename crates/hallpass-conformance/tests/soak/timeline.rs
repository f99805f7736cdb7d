//! [`Timeline`]: what happened when.

use std::{collections::BTreeMap, fmt, sync::Mutex, time::Duration};

use tokio::time::Instant;

/// What an incident harms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Harm {
    /// No token can be had, or slowly.
    Tokens,
    /// The API answers wrongly or late.
    Api,
    /// The API does not answer. Whoever waits for it makes no call meanwhile that would renew a token.
    Silence,
    /// The tokens in hand are worth nothing any more, or are taken for ended.
    Loss,
    /// Connections to both end.
    Restart,
    /// The store of a fleet is gone.
    Store,
}

#[derive(Debug, Clone)]
pub(crate) struct Incident {
    pub(crate) harm: Harm,
    pub(crate) name: String,
    pub(crate) begin: Instant,
    /// None while it lasts.
    pub(crate) end: Option<Instant>,
    /// For how long it is felt after its end.
    pub(crate) felt: Duration,
}

impl Incident {
    /// Whether a part of it, of the time in which it is felt, or of so much time after that, lies in
    /// between.
    pub(crate) fn touches(&self, from: Instant, to: Instant, after: Duration) -> bool {
        let felt = self.felt + after;
        self.begin <= to && self.end.is_none_or(|end| end + felt >= from)
    }

    pub(crate) fn length(&self) -> Duration {
        let end = self.end.unwrap_or_else(Instant::now);
        end.saturating_duration_since(self.begin)
    }
}

#[derive(Debug)]
pub(crate) struct Timeline {
    start: Instant,
    incidents: Mutex<Vec<Incident>>,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            incidents: Mutex::new(Vec::with_capacity(1 << 12)),
        }
    }

    /// Its number, for its end.
    pub(crate) fn begin(&self, harm: Harm, name: String, felt: Duration) -> usize {
        let mut incidents = self.incidents.lock().unwrap();
        incidents.push(Incident {
            harm,
            name,
            begin: Instant::now(),
            end: None,
            felt,
        });
        incidents.len() - 1
    }

    pub(crate) fn end(&self, number: usize) {
        self.incidents.lock().unwrap()[number].end = Some(Instant::now());
    }

    pub(crate) fn at(&self, when: Instant) -> f64 {
        when.saturating_duration_since(self.start).as_secs_f64()
    }

    /// Those that have to do with what happened in between, the latest first.
    pub(crate) fn around(&self, from: Instant, to: Instant, after: Duration) -> Vec<Incident> {
        let incidents = self.incidents.lock().unwrap();
        let latest = incidents.iter().rev().take(20);
        let near = latest.filter(|incident| incident.touches(from, to, after));
        near.cloned().collect()
    }

    pub(crate) fn of(&self, harms: &[Harm]) -> Vec<Incident> {
        let incidents = self.incidents.lock().unwrap();
        let those = incidents.iter().filter(|one| harms.contains(&one.harm));
        those.cloned().collect()
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let incidents = self.incidents.lock().unwrap();
        write!(f, "incidents: {}", incidents.len())?;
        let mut kinds = BTreeMap::new();
        for incident in incidents.iter() {
            let kind: &mut (usize, Duration) = kinds.entry(incident.harm).or_default();
            kind.0 += 1;
            kind.1 += incident.length();
        }
        for (harm, (count, length)) in kinds {
            write!(f, "; {harm:?}: {count}, {:.0} s", length.as_secs_f64())?;
        }
        Ok(())
    }
}
