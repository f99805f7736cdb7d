#![doc = include_str!("../README.md")]

use std::{
    fmt,
    sync::{Arc, Weak},
};

use hallpass_core::observe::{Event, Observer, Roster, set_observer};
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter, ObservableGauge},
};

/// How long fetches take, their own retries included.
pub const FETCH_DURATION: &str = "hallpass.fetch.duration";

/// How long callers wait for a fetch.
pub const WAIT_DURATION: &str = "hallpass.wait.duration";

/// Fetches that were started because a server refused the credential.
pub const REJECTIONS: &str = "hallpass.rejections";

/// Requests that were sent again.
pub const REPLAYS: &str = "hallpass.replays";

/// What is left of the credential that ends first.
pub const REMAINING: &str = "hallpass.credential.remaining";

/// The attribute with the source's name.
pub const SOURCE: &str = "hallpass.source";

/// The attribute that says why a fetch began.
pub const REASON: &str = "hallpass.reason";

/// The attribute that says why a request was sent again.
pub const CAUSE: &str = "hallpass.cause";

/// The attribute of the semantic conventions that says what kind of failure it was.
pub const ERROR_TYPE: &str = "error.type";

/// From a fetch at one's elbow to one that was given up after its 30 seconds.
const BOUNDARIES: [f64; 13] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0,
];

/// Records what credentials do. Clones share their instruments.
#[derive(Clone)]
pub struct Metrics {
    fetch_duration: Histogram<f64>,
    wait_duration: Histogram<f64>,
    rejections: Counter<u64>,
    replays: Counter<u64>,
    roster: Arc<Roster>,
    /// Looks into the roster whenever the meter is read.
    _remaining: ObservableGauge<f64>,
}

/// Observes all credentials of the process that are built from now on.
///
/// If the process has an [observer](set_observer) already, that one stays and nothing is recorded; a
/// single credential may still be given [`Metrics`] with its builder.
pub fn install(meter: &Meter) -> Metrics {
    let metrics = Metrics::new(meter);
    set_observer(metrics.clone());
    metrics
}

impl Metrics {
    /// Instruments of this meter.
    pub fn new(meter: &Meter) -> Self {
        let roster = Arc::new(Roster::default());
        let histogram = |name, description| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(description)
                .with_boundaries(BOUNDARIES.to_vec())
                .build()
        };
        let looked_at = Arc::downgrade(&roster);
        let remaining = meter
            .f64_observable_gauge(REMAINING)
            .with_unit("s")
            .with_description("What is left of the credential that ends first.")
            .with_callback(move |gauge| {
                let roster = Weak::upgrade(&looked_at);
                for (source, left) in roster.iter().flat_map(|roster| roster.remaining()) {
                    gauge.observe(left.as_secs_f64(), &[KeyValue::new(SOURCE, source)]);
                }
            })
            .build();
        Self {
            fetch_duration: histogram(FETCH_DURATION, "How long fetches of credentials take."),
            wait_duration: histogram(WAIT_DURATION, "How long callers wait for a credential."),
            rejections: meter
                .u64_counter(REJECTIONS)
                .with_unit("{rejection}")
                .with_description("Fetches because a server refused the credential.")
                .build(),
            replays: meter
                .u64_counter(REPLAYS)
                .with_unit("{request}")
                .with_description("Requests that were sent again.")
                .build(),
            roster,
            _remaining: remaining,
        }
    }
}

impl Observer for Metrics {
    fn observe(&self, source: &str, event: &Event<'_>) {
        if let Event::Built { watched, .. } = event {
            self.roster.add(source, watched.clone());
            return;
        }
        let source = KeyValue::new(SOURCE, source.to_owned());
        match event {
            Event::Fetched {
                reason,
                duration,
                error,
                ..
            } => {
                let mut attributes = vec![source, KeyValue::new(REASON, reason.name())];
                attributes.extend(
                    error.map(|error| KeyValue::new(ERROR_TYPE, error.error_type().to_owned())),
                );
                self.fetch_duration
                    .record(duration.as_secs_f64(), &attributes);
            }
            Event::Waited { duration, .. } => {
                self.wait_duration.record(duration.as_secs_f64(), &[source]);
            }
            Event::Rejected { .. } => self.rejections.add(1, &[source]),
            Event::Replayed { cause, .. } => {
                let cause = KeyValue::new(CAUSE, cause.name());
                self.replays.add(1, &[source, cause]);
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("remaining", &self.roster.remaining())
            .finish_non_exhaustive()
    }
}
