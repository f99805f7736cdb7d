#![doc = include_str!("../README.md")]

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use hallpass_core::observe::{Event, Observer, Roster, set_observer};
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// How long fetches take, their own retries included.
pub const FETCH_DURATION: &str = "hallpass_fetch_duration_seconds";

/// How long callers wait for a fetch.
pub const WAIT_DURATION: &str = "hallpass_wait_duration_seconds";

/// Fetches that were started because a server refused the credential.
pub const REJECTIONS: &str = "hallpass_rejections_total";

/// Requests that were sent again.
pub const REPLAYS: &str = "hallpass_replays_total";

/// What is left of the credential that ends first; set by [`Metrics::collect`].
pub const REMAINING: &str = "hallpass_credential_remaining_seconds";

/// A dashboard for Grafana that shows all of these.
pub const DASHBOARD: &str = include_str!("../dashboards/hallpass.json");

/// Makes metrics of what credentials do. Clones share what they know.
#[derive(Clone, Default)]
pub struct Metrics {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    roster: Roster,
    described: OnceLock<()>,
    /// The sources that have a gauge.
    shown: Mutex<BTreeSet<Arc<str>>>,
}

/// Observes all credentials of the process that are built from now on.
///
/// If the process has an [observer](set_observer) already, that one stays and nothing is recorded; a
/// single credential may still be given [`Metrics`] with its builder.
pub fn install() -> Metrics {
    let metrics = Metrics::default();
    set_observer(metrics.clone());
    metrics
}

impl Metrics {
    /// Sets the gauge of what remains, which nothing else does: call it before each scrape, or every
    /// few seconds.
    pub fn collect(&self) {
        self.describe();
        let remaining = self.shared.roster.remaining();
        let shown = &mut *self
            .shared
            .shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (source, left) in &remaining {
            gauge!(REMAINING, "source" => source.to_string()).set(left.as_secs_f64());
            shown.insert(Arc::clone(source));
        }
        // The facade can't take a series back; one whose credential has ended must not stand still.
        for source in shown
            .iter()
            .filter(|source| !remaining.contains_key(*source))
        {
            gauge!(REMAINING, "source" => source.to_string()).set(f64::NAN);
        }
    }

    /// Once, when the recorder is in place: the first event comes after that.
    fn describe(&self) {
        self.shared.described.get_or_init(|| {
            let seconds = Unit::Seconds;
            describe_histogram!(
                FETCH_DURATION,
                seconds,
                "How long fetches of credentials take."
            );
            describe_histogram!(
                WAIT_DURATION,
                seconds,
                "How long callers wait for a credential."
            );
            describe_counter!(
                REJECTIONS,
                "Fetches because a server refused the credential."
            );
            describe_counter!(REPLAYS, "Requests that were sent again.");
            describe_gauge!(
                REMAINING,
                seconds,
                "What is left of the credential that ends first."
            );
        });
    }
}

impl Observer for Metrics {
    fn observe(&self, source: &str, event: &Event<'_>) {
        if let Event::Built { watched, .. } = event {
            self.shared.roster.add(source, watched.clone());
            return;
        }
        self.describe();
        let source = source.to_owned();
        match event {
            Event::Fetched {
                reason,
                duration,
                error,
                ..
            } => {
                let reason = reason.name();
                let histogram = match error {
                    None => histogram!(FETCH_DURATION, "source" => source, "reason" => reason),
                    Some(error) => histogram!(
                        FETCH_DURATION,
                        "source" => source,
                        "reason" => reason,
                        "error_type" => error.error_type().to_owned()
                    ),
                };
                histogram.record(*duration);
            }
            Event::Waited { duration, .. } => {
                histogram!(WAIT_DURATION, "source" => source).record(*duration);
            }
            Event::Rejected { .. } => counter!(REJECTIONS, "source" => source).increment(1),
            Event::Replayed { cause, .. } => {
                counter!(REPLAYS, "source" => source, "cause" => cause.name()).increment(1);
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("remaining", &self.shared.roster.remaining())
            .finish()
    }
}
