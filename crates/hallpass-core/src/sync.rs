//! The locks, tasks and timers that the engine's shell is made of.
//!
//! `cargo xtask model` builds with `--cfg hallpass_model`. Then others stand in for them, so that a
//! model checker decides which thread goes on at each of their steps, and time goes on only when a
//! test says so. `select!` is `biased` where it is checked: what chance decides, no checker can. Keeping
//! warm and waiting in line for a fetch are not.

use std::time::Duration;

/// A deadline as sources are told it: by tokio's clock, whatever stands in for that here.
#[allow(
    unused_qualifications,
    reason = "the model has an `Instant` of its own"
)]
pub(crate) fn deadline_after(limit: Duration) -> Option<tokio::time::Instant> {
    tokio::time::Instant::now().checked_add(limit)
}

#[cfg(not(all(test, hallpass_model)))]
mod real {
    pub(crate) use std::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64},
    };

    pub(crate) use arc_swap::ArcSwapOption;
    pub(crate) use tokio::{
        runtime::{Handle, Id},
        sync::Notify,
        task::AbortHandle,
        time::{Instant, MissedTickBehavior, Sleep, interval, sleep, sleep_until, timeout},
    };
}

#[cfg(all(test, hallpass_model))]
pub(crate) mod model;

#[cfg(all(test, hallpass_model))]
pub(crate) use self::model::{
    notify::Notify,
    runtime::{AbortHandle, Handle, Id},
    slot::ArcSwapOption,
    time::{Instant, MissedTickBehavior, Sleep, interval, sleep, sleep_until, timeout},
};
#[cfg(not(all(test, hallpass_model)))]
pub(crate) use self::real::*;
#[cfg(all(test, hallpass_model))]
pub(crate) use shuttle::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64},
};
