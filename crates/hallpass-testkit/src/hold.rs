//! A gate that keeps answers back until the test lets them go.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

#[derive(Clone)]
pub(crate) struct Gate(Arc<Counts>);

struct Counts {
    holds: watch::Sender<usize>,
    waiting: watch::Sender<usize>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Counts {
            holds: watch::Sender::new(0),
            waiting: watch::Sender::new(0),
        }))
    }

    pub(crate) fn hold(&self) -> Hold {
        self.0.holds.send_modify(|holds| *holds += 1);
        Hold { gate: self.clone() }
    }

    pub(crate) async fn pass(&self) {
        if *self.0.holds.borrow() == 0 {
            return;
        }
        let _waiting = Waiting::enter(&self.0);
        // Fails only without a sender, and `self` owns it.
        let _ = self.0.holds.subscribe().wait_for(|holds| *holds == 0).await;
    }
}

/// Counts itself out on drop, so that a caller who goes away while held is not counted for ever.
struct Waiting<'a>(&'a Counts);

impl<'a> Waiting<'a> {
    fn enter(counts: &'a Counts) -> Self {
        counts.waiting.send_modify(|waiting| *waiting += 1);
        Self(counts)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.send_modify(|waiting| *waiting -= 1);
    }
}

/// Keeps an endpoint's answers back while it lives; see [`Endpoint::hold`](crate::Endpoint::hold).
#[must_use = "dropping the hold lets the answers go"]
pub struct Hold {
    gate: Gate,
}

impl Hold {
    /// How many requests have arrived and are kept waiting now.
    pub fn waiting(&self) -> usize {
        *self.gate.0.waiting.borrow()
    }

    /// Returns once at least `n` requests are kept waiting.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn arrived(&self, n: usize) {
        // Fails only without a sender, and `self` owns it.
        let _ = self
            .gate
            .0
            .waiting
            .subscribe()
            .wait_for(|waiting| *waiting >= n)
            .await;
    }

    /// Lets the answers go; the same as dropping the hold.
    pub fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.gate.0.holds.send_modify(|holds| *holds -= 1);
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("waiting", &self.waiting())
            .finish()
    }
}
