//! Replicas in one process, each with a cache and a way to the store of its own.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests: each file uses its part, and to panic is to fail"
)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hallpass_core::{Cached, Challenges, Credential, CredentialSource, Error, Identity};
use hallpass_shared::{
    Key, Keys, MemoryStore, Name, Named, Shared, SharedStore, Store,
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

pub struct Replica<S: CredentialSource = ScriptedSource> {
    pub cached: Cached,
    pub shared: Shared<Named<S>>,
    pub way: Way,
}

pub fn keys() -> Keys {
    Keys::new(Key::new(&[7; 32]))
}

pub fn identity() -> Identity {
    Identity::new("acme").part("client", "the one")
}

pub fn replica<S: CredentialSource>(
    store: &MemoryStore,
    change: impl FnOnce(Shared<Named<S>>) -> Shared<Named<S>>,
    source: S,
) -> Replica<S> {
    let way = Way::to(store);
    let shared = Shared::named(source, identity(), SharedStore::new(way.clone()), keys());
    let shared = change(shared);
    Replica {
        cached: Cached::new(shared.clone()),
        shared,
        way,
    }
}

pub fn fleet(count: usize, store: &MemoryStore, source: &ScriptedSource) -> Vec<Replica> {
    (0..count)
        .map(|_| replica(store, |shared| shared, source.clone()))
        .collect()
}

/// What all get who ask at the same time.
pub async fn get_all<S: CredentialSource>(fleet: &[Replica<S>]) -> Vec<Result<Credential, Error>> {
    let asking: Vec<_> = fleet
        .iter()
        .map(|replica| tokio::spawn(replica.cached.get()))
        .collect();
    let mut all = Vec::new();
    for one in asking {
        all.push(one.await.unwrap());
    }
    all
}

/// The one token that all get.
pub async fn common_token<S: CredentialSource>(fleet: &[Replica<S>]) -> String {
    let all = get_all(fleet).await;
    let token = |one: &Result<Credential, Error>| one.as_ref().unwrap().token().unwrap().to_owned();
    let first = token(&all[0]);
    for one in &all {
        assert_eq!(token(one), first);
    }
    first
}

/// Every replica's server has accepted what it has, and it has been so for a while.
pub async fn settle(fleet: &[Replica]) {
    for replica in fleet {
        let credential = replica.cached.get().await.unwrap();
        replica.cached.accept(&credential);
    }
    tokio::time::sleep(20 * SECOND).await;
}

/// Every replica's server refuses what it has.
pub async fn refuse_all(fleet: &[Replica]) {
    for replica in fleet {
        if let Some(credential) = replica.cached.try_get() {
            replica.cached.reject(&credential, &Challenges::default());
        }
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
