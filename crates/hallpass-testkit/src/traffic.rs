//! How many calls there were, how many at once, and what holds them up.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::hold::Gate;
use crate::lock::lock;

pub(crate) struct Traffic {
    calls: AtomicUsize,
    in_flight: AtomicUsize,
    max_in_flight: AtomicUsize,
    dropped: AtomicUsize,
    latency: Mutex<Duration>,
    pub(crate) gate: Gate,
}

impl Traffic {
    pub(crate) fn new() -> Self {
        Self {
            calls: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            max_in_flight: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            latency: Mutex::default(),
            gate: Gate::new(),
        }
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        *lock(&self.latency) = latency;
    }

    /// Counts one call in; the guard counts it out.
    pub(crate) fn enter(&self) -> Call<'_> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.max_in_flight.fetch_max(now, Ordering::SeqCst);
        Call {
            traffic: self,
            answered: false,
        }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    pub(crate) fn max_in_flight(&self) -> usize {
        self.max_in_flight.load(Ordering::SeqCst)
    }

    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }
}

/// One call under way. It counts as dropped unless it is answered.
pub(crate) struct Call<'a> {
    traffic: &'a Traffic,
    answered: bool,
}

impl Call<'_> {
    /// Waits for the holds and the latency.
    pub(crate) async fn wait(&self) {
        self.traffic.gate.pass().await;
        let latency = *lock(&self.traffic.latency);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
    }

    pub(crate) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.traffic.in_flight.fetch_sub(1, Ordering::SeqCst);
        if !self.answered {
            self.traffic.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}
