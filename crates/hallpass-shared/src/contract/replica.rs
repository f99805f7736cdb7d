//! Replicas of a fleet in one process, for tests of what a store makes of them.

use hallpass_core::{Cached, Challenges, Credential, CredentialSource, Error, Identity};

use crate::{Key, Keys, Named, Shared, SharedStore};

/// A process of the fleet: a cache with a way to the store of its own.
#[derive(Debug)]
pub struct Replica<S: CredentialSource> {
    /// What it would use.
    pub cached: Cached,
    /// What it shares, for its statistics.
    pub shared: Shared<Named<S>>,
}

impl<S: CredentialSource> Replica<S> {
    /// One that shares what this source brings, as [`identity`] and with [`keys`].
    pub fn new(store: impl Into<SharedStore>, source: S) -> Self {
        Self::with(store, source, |shared| shared)
    }

    /// One with other settings.
    pub fn with(
        store: impl Into<SharedStore>,
        source: S,
        settings: impl FnOnce(Shared<Named<S>>) -> Shared<Named<S>>,
    ) -> Self {
        let shared = settings(Shared::named(source, identity(), store, keys()));
        Self {
            cached: Cached::new(shared.clone()),
            shared,
        }
    }

    /// Its server has accepted what it has.
    pub fn accept(&self) {
        if let Some(credential) = self.cached.try_get() {
            self.cached.accept(&credential);
        }
    }

    /// Its server refuses what it has.
    pub fn refuse(&self) {
        if let Some(credential) = self.cached.try_get() {
            self.cached.reject(&credential, &Challenges::default());
        }
    }
}

/// The keys of the tests' fleet.
#[must_use]
pub fn keys() -> Keys {
    Keys::new(Key::new(&[7; 32]))
}

/// The one credential of the tests' fleet.
#[must_use]
pub fn identity() -> Identity {
    Identity::new("acme").part("client", "the one")
}

/// What all get who ask at the same time.
pub async fn get_all(fleet: impl IntoIterator<Item = &Cached>) -> Vec<Result<Credential, Error>> {
    let asking: Vec<_> = fleet
        .into_iter()
        .map(|cached| tokio::spawn(cached.get()))
        .collect();
    let mut all = Vec::new();
    for one in asking {
        all.push(one.await.expect("nothing panics"));
    }
    all
}

/// The one token that all get.
pub async fn common_token(fleet: impl IntoIterator<Item = &Cached>) -> String {
    let mut common = None;
    for credential in get_all(fleet).await {
        let credential = credential.expect("a credential");
        let token = credential.token().expect("a token").to_owned();
        assert_eq!(*common.get_or_insert_with(|| token.clone()), token);
    }
    common.expect("a fleet of at least one")
}
