//! What stands in for tokio and `arc_swap` while the model checker decides who goes on.

pub(crate) mod notify;
pub(crate) mod runtime;
pub(crate) mod slot;
pub(crate) mod time;

use shuttle::sync::atomic::{AtomicUsize, Ordering};

/// A place at which another thread may go on.
#[derive(Debug, Default)]
struct Point(AtomicUsize);

impl Point {
    fn pass(&self) {
        self.0.load(Ordering::SeqCst);
    }
}
