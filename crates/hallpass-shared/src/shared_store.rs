//! [`SharedStore`]: a store as a process uses it, with a deadline for each operation and a breaker.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use hallpass_core::Error;
use tokio::time::timeout;

use crate::{
    Name, SharedStats, Store,
    breaker::{Breaker, Change},
    stats::Counters,
    store::{DynStore, LeaseRequest, Leased, Outcome, Published, Snapshot},
};

/// How long one operation of a store may take: 250 ms. Stores answer within a few, and a caller may
/// be waiting for a credential meanwhile.
pub const OPERATION_DEADLINE: Duration = Duration::from_millis(250);

/// A [`Store`] as a process uses it: each operation has a deadline, and a store that has failed three
/// times in a row is left alone for a second, doubling to ten. Clones share all of it, so one is made
/// for each process and cloned for each credential.
///
/// ```
/// use hallpass_shared::{MemoryStore, SharedStore};
///
/// let store = SharedStore::new(MemoryStore::new());
/// assert_eq!(store.stats().store_failures, 0);
/// ```
#[derive(Clone)]
pub struct SharedStore {
    store: Arc<dyn DynStore>,
    deadline: Duration,
    breaker: Arc<Breaker>,
    counters: Arc<Counters>,
}

impl SharedStore {
    /// Uses this store, with [`OPERATION_DEADLINE`].
    pub fn new(store: impl Store) -> Self {
        Self {
            store: Arc::new(store),
            deadline: OPERATION_DEADLINE,
            breaker: Arc::default(),
            counters: Arc::default(),
        }
    }

    /// Sets how long one operation may take, for this clone and those made of it.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// What sharing did so far, for all credentials of this store in this process.
    pub fn stats(&self) -> SharedStats {
        self.counters.read()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) async fn get(&self, name: &Name) -> Result<Snapshot, Error> {
        self.limited(self.store.get(name)).await
    }

    pub(crate) async fn lease(&self, name: &Name, request: &LeaseRequest) -> Result<Leased, Error> {
        self.limited(self.store.lease(name, request)).await
    }

    pub(crate) async fn publish(
        &self,
        name: &Name,
        fence: u64,
        outcome: &Outcome,
    ) -> Result<Published, Error> {
        self.limited(self.store.publish_if_fence(name, fence, outcome))
            .await
    }

    pub(crate) async fn watch(&self, name: &Name, seen: u64) {
        self.store.watch(name, seen).await;
    }

    async fn limited<T>(
        &self,
        operation: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if !self.breaker.admits() {
            return Err(Error::timeout(
                "the shared store did not answer lately, and is left alone for a while",
            ));
        }
        let outcome = timeout(self.deadline, operation).await.unwrap_or_else(|_| {
            let limit = self.deadline.as_millis();
            Err(Error::timeout(format!(
                "no answer from the shared store within {limit} ms"
            )))
        });
        match self.breaker.note(outcome.is_ok()) {
            Change::None => {}
            Change::Opened => tracing::warn!(
                target: "hallpass",
                error = outcome.as_ref().err().map(tracing::field::display),
                "the shared store does not work, each process fetches for itself"
            ),
            Change::Closed => tracing::info!(target: "hallpass", "the shared store works again"),
        }
        if let Err(error) = &outcome {
            Counters::add(&self.counters.store_failures);
            tracing::debug!(target: "hallpass", %error, "an operation of the shared store failed");
        }
        outcome
    }
}

impl<S: Store> From<S> for SharedStore {
    fn from(store: S) -> Self {
        Self::new(store)
    }
}

impl fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedStore")
            .field("deadline", &self.deadline)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
