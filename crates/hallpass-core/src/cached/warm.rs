//! [`Cached::keep_warm`]: renewal without callers, for those who want it.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::task::JoinHandle;

use super::{Cached, Shared};
use crate::Error;

/// Keeps a [`Cached`] warm until it is dropped.
#[must_use = "dropping it ends the task"]
#[derive(Debug)]
pub struct KeepWarm {
    task: JoinHandle<()>,
}

impl Drop for KeepWarm {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Cached {
    /// Starts a task that fetches the first credential now and renews it whenever it is due, so
    /// that not even the first caller after a quiet hour waits.
    ///
    /// The task ends with the returned guard, or when the last clone of this `Cached` is gone.
    ///
    /// # Errors
    /// If there is no tokio runtime to run the task on.
    pub fn keep_warm(&self) -> Result<KeepWarm, Error> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| {
            Error::configuration(
                "no tokio runtime to keep a credential warm on: call from within one",
            )
        })?;
        let task = runtime.spawn(run(Arc::downgrade(&self.shared)));
        Ok(KeepWarm { task })
    }
}

async fn run(shared: Weak<Shared>) {
    while let Some(pause) = turn(&shared).await {
        tokio::time::sleep(pause).await;
    }
}

/// One look at the credential; how long until the next, or none when nobody uses it any more.
async fn turn(shared: &Weak<Shared>) -> Option<Duration> {
    /// Between two looks, so that a renewal that has just failed is not tried in a loop.
    const SHORTEST: Duration = Duration::from_secs(1);
    let cached = Cached {
        shared: shared.upgrade()?,
    };
    let pause = match cached.get().await {
        Ok(_) => {
            let slot = cached.shared.slot.load();
            let now = cached.shared.clock.now();
            slot.as_deref()
                .map_or(SHORTEST, |current| current.due.left(now))
        }
        Err(error) => error.retry_after().unwrap_or(SHORTEST),
    };
    Some(pause.max(SHORTEST))
}
