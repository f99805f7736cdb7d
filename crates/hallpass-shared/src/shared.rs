//! [`Shared`]: a source whose credentials a fleet shares.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use hallpass_core::{
    Credential, CredentialSource, Description, Error, Fetch, Identified, Identity,
};

use crate::{
    Keys, Name, SharedStats, SharedStore,
    common::{Common, Settings},
    fetch::SharedFetch,
    known::{Known, Place},
    news_of::newer,
    stats::Counters,
    store::LONGEST_TERM,
};

/// How long a lease lasts unless it is renewed, which happens every third of it: 5 s. So long the
/// fleet waits for a process that was killed in the middle of a fetch.
pub const LEASE_TERM: Duration = Duration::from_secs(5);

/// A shorter lease would be renewed without a pause.
const SHORTEST_TERM: Duration = Duration::from_secs(1);

/// How long another process's fetch is waited for before this one fetches for itself: 10 s, twice the
/// [term](LEASE_TERM), so that a lease that nobody renews runs out before.
pub const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// A [`CredentialSource`] whose credentials a fleet shares through a [store](crate::Store).
///
/// Whoever needs a credential first takes the lease, fetches, and publishes; all others take over
/// what it published. A refusal is the fleet's: the generation is marked, and one process replaces
/// it. If the store does not work, the process fetches for itself, unless that is
/// [ruled out](Self::only_through_store).
///
/// A credential that is bound to a [key that is kept](Description::kept_key) is shared by those who
/// have the key: the store has the token under a name of its own for each key, and never the key. One
/// that is bound to a key in memory is fetched directly.
///
/// Sharing happens inside a fetch alone. While a [`Cached`](hallpass_core::Cached) has a fresh
/// credential nothing here runs. Clones share all of it; keep one to read the
/// [`stats`](Self::stats).
///
/// ```
/// use hallpass_core::{Cached, Credential, Error, Identity};
/// use hallpass_shared::{Key, Keys, MemoryStore, Shared, SharedStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let store = SharedStore::new(MemoryStore::new()); // one for the process: a RedisStore, say
/// let keys = Keys::new(Key::random()?); // the fleet's, from your secret manager
/// let source = Credential::bearer("t")?; // a TokenSource, say
///
/// let identity = Identity::new("acme").part("tenant", "42");
/// let cached = Cached::new(Shared::named(source, identity, store, keys));
/// cached.get().await?;
/// # Ok(())
/// # }
/// ```
pub struct Shared<S> {
    source: Arc<S>,
    common: Arc<Common>,
    settings: Settings,
}

impl<S: Identified> Shared<S> {
    /// Shares what this source brings, under a name derived from everything that it sends.
    pub fn new(source: S, store: impl Into<SharedStore>, keys: impl Into<Keys>) -> Self {
        Self {
            source: Arc::new(source),
            common: Arc::new(Common {
                store: store.into(),
                keys: keys.into(),
                counters: Counters::default(),
                known: Known::default(),
            }),
            settings: Settings {
                only_through_store: false,
                lease_term: LEASE_TERM,
                wait_limit: WAIT_LIMIT,
            },
        }
    }

    /// Never fetches without the store's lease: for issuers that let only one token live at a time,
    /// and for refresh tokens that may be used only once. Then "another process has the lease" never
    /// means "fetch anyway", and while the store is down no new credential can be had; the one in hand
    /// serves until its end.
    ///
    /// It is so by itself where the source says that a new credential
    /// [ends the one before](Description::kills_old), or that
    /// [one fetch at a time](Description::one_at_a_time) is the most it can bear.
    #[must_use]
    pub fn only_through_store(mut self) -> Self {
        self.settings.only_through_store = true;
        self
    }

    /// Sets how long a lease lasts unless it is renewed: [`LEASE_TERM`]. A process that stands still
    /// for longer may lose it, which costs a second fetch and nothing else. At least a second, and at
    /// most [`LONGEST_TERM`].
    #[must_use]
    pub fn lease_term(mut self, term: Duration) -> Self {
        self.settings.lease_term = term.clamp(SHORTEST_TERM, LONGEST_TERM);
        self
    }

    /// Sets how long another process's fetch is waited for: [`WAIT_LIMIT`].
    #[must_use]
    pub fn wait_limit(mut self, limit: Duration) -> Self {
        self.settings.wait_limit = limit;
        self
    }
}

impl<S> Shared<S> {
    /// What sharing this credential did so far, in this process.
    pub fn stats(&self) -> SharedStats {
        self.common.counters.read()
    }
}

impl<S: CredentialSource> Shared<Named<S>> {
    /// Shares what this source brings, under an identity of the caller's choice: for sources that
    /// can't tell everything that they send, such as those with a rotating refresh token.
    ///
    /// Whatever makes for another credential belongs into the identity: the endpoint, the client,
    /// the scope, the audience, the subject. Two sources with the same identity get each other's
    /// credentials.
    pub fn named(
        source: S,
        identity: Identity,
        store: impl Into<SharedStore>,
        keys: impl Into<Keys>,
    ) -> Self {
        Self::new(Named { source, identity }, store, keys)
    }
}

impl<S: Identified> CredentialSource for Shared<S> {
    /// # Cancel safety
    /// A lease that is held then runs out by itself.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        let description = self.source.description();
        let settings = self.settings.for_source(&description);
        let key = match &description.kept_key {
            Some(kept) => Some(kept.read().await?),
            None => None,
        };
        if key.is_none() && description.key_thumbprint.is_some() {
            // Worth nothing without the key, which no other process has.
            return if settings.only_through_store {
                Err(Error::configuration(
                    "a credential that is bound to a key in memory can't be shared, and its source lets only one live at a time: keep the key, and give it to all",
                ))
            } else {
                self.source.fetch(why).await
            };
        }
        let mut identity = self.source.identity().await?;
        if let Some(key) = &key {
            identity = identity.part("bound to", key.thumbprint());
        }
        let place = Place {
            name: Name::of(&identity),
            key,
        };
        self.common.known.begin(&place);
        SharedFetch::new(&*self.source, &self.common, settings, why, place)?
            .run()
            .await
    }

    fn description(&self) -> Description {
        let mut description = self.source.description();
        // An attempt that waits for another process looks silent, and is not: one beside it would
        // ask the issuer once more.
        description.hedge = false;
        description
    }

    fn version(&self) -> u64 {
        self.source.version()
    }

    fn keeps_state(&self) -> bool {
        self.source.keeps_state()
    }

    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let common = Arc::clone(&self.common);
        Box::pin(async move { newer(&common).await })
    }
}

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self {
            source: Arc::clone(&self.source),
            common: Arc::clone(&self.common),
            settings: self.settings,
        }
    }
}

impl<S> fmt::Debug for Shared<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("settings", &self.settings)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// A source with an identity of the caller's choice; made by [`Shared::named`].
#[derive(Debug, Clone)]
pub struct Named<S> {
    source: S,
    identity: Identity,
}

impl<S: CredentialSource> CredentialSource for Named<S> {
    fn fetch(&self, why: &Fetch) -> impl Future<Output = Result<Credential, Error>> + Send {
        self.source.fetch(why)
    }

    fn description(&self) -> Description {
        self.source.description()
    }

    fn version(&self) -> u64 {
        self.source.version()
    }

    fn keeps_state(&self) -> bool {
        self.source.keeps_state()
    }

    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.source.news()
    }
}

impl<S: CredentialSource> Identified for Named<S> {
    async fn identity(&self) -> Result<Identity, Error> {
        Ok(self.identity.clone())
    }
}
