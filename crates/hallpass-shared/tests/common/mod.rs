//! Replicas in one process, each with a cache and a way to the store of its own.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::unwrap_used,
    reason = "helpers of tests: each file uses its part, and to panic is to fail"
)]

use std::{
    ops::Deref,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hallpass_core::{Cached, Credential, CredentialSource, Error};
pub use hallpass_shared::contract::{identity, keys};
use hallpass_shared::{
    MemoryStore, Name, Named, Shared, Store, contract,
    store::{LeaseRequest, Leased, Outcome, Published, Snapshot},
};
use hallpass_testkit::ScriptedSource;

pub const LIFETIME: Duration = Duration::from_secs(300);
pub const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// Refuses at once.
    Down,
    /// Never answers.
    Silent,
    /// Answers after so long.
    Slow(Duration),
    /// Refuses whatever would change it.
    ReadOnly,
}

/// One replica's way to the store, which a test can spoil.
#[derive(Clone)]
pub struct Way {
    store: MemoryStore,
    trouble: Arc<Mutex<Trouble>>,
    pub trips: Arc<AtomicU64>,
}

impl Way {
    pub fn to(store: &MemoryStore) -> Self {
        Self {
            store: store.clone(),
            trouble: Arc::new(Mutex::new(Trouble::None)),
            trips: Arc::default(),
        }
    }

    pub fn set(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    async fn travel(&self, writes: bool) -> Result<(), Error> {
        self.trips.fetch_add(1, Ordering::Relaxed);
        let trouble = *self.trouble.lock().unwrap();
        match trouble {
            Trouble::None => Ok(()),
            Trouble::ReadOnly if !writes => Ok(()),
            Trouble::Down | Trouble::ReadOnly => Err(Error::transient("the store refuses")),
            Trouble::Silent => std::future::pending().await,
            Trouble::Slow(delay) => {
                tokio::time::sleep(delay).await;
                Ok(())
            }
        }
    }
}

impl Store for Way {
    async fn get(&self, name: &Name) -> Result<Snapshot, Error> {
        self.travel(false).await?;
        self.store.get(name).await
    }

    async fn lease(&self, name: &Name, request: &LeaseRequest) -> Result<Leased, Error> {
        self.travel(true).await?;
        self.store.lease(name, request).await
    }

    async fn publish_if_fence(
        &self,
        name: &Name,
        fence: u64,
        outcome: &Outcome,
    ) -> Result<Published, Error> {
        self.travel(true).await?;
        self.store.publish_if_fence(name, fence, outcome).await
    }

    async fn watch(&self, name: &Name, seen: u64) {
        self.store.watch(name, seen).await;
    }
}

/// A replica with a way to the store that can be spoiled.
pub struct Replica<S: CredentialSource = ScriptedSource> {
    replica: contract::Replica<S>,
    pub way: Way,
}

impl<S: CredentialSource> Deref for Replica<S> {
    type Target = contract::Replica<S>;

    fn deref(&self) -> &Self::Target {
        &self.replica
    }
}

pub fn replica<S: CredentialSource>(
    store: &MemoryStore,
    change: impl FnOnce(Shared<Named<S>>) -> Shared<Named<S>>,
    source: S,
) -> Replica<S> {
    let way = Way::to(store);
    Replica {
        replica: contract::Replica::with(way.clone(), source, change),
        way,
    }
}

pub fn fleet(count: usize, store: &MemoryStore, source: &ScriptedSource) -> Vec<Replica> {
    (0..count)
        .map(|_| replica(store, |shared| shared, source.clone()))
        .collect()
}

fn caches<S: CredentialSource>(fleet: &[Replica<S>]) -> impl Iterator<Item = &Cached> {
    fleet.iter().map(|replica| &replica.cached)
}

/// What all get who ask at the same time.
pub async fn get_all<S: CredentialSource>(fleet: &[Replica<S>]) -> Vec<Result<Credential, Error>> {
    contract::get_all(caches(fleet)).await
}

/// The one token that all get.
pub async fn common_token<S: CredentialSource>(fleet: &[Replica<S>]) -> String {
    contract::common_token(caches(fleet)).await
}

/// Every replica's server has accepted what it has, and it has been so for a while.
pub async fn settle(fleet: &[Replica]) {
    for replica in fleet {
        replica.cached.get().await.unwrap();
        replica.accept();
    }
    tokio::time::sleep(20 * SECOND).await;
}

/// Every replica's server refuses what it has.
pub fn refuse_all(fleet: &[Replica]) {
    for replica in fleet {
        replica.refuse();
    }
}

/// For so long every replica has one request a second.
pub async fn run_for(fleet: &[Replica], time: Duration) {
    let seconds = time.as_secs();
    for _ in 0..seconds {
        for replica in fleet {
            drop(replica.cached.get().await);
        }
        tokio::time::sleep(SECOND).await;
    }
}
