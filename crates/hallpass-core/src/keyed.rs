//! [`Keyed`]: one credential for each key: a tenant, a role, a scope.
//!
//! ```
//! use hallpass_core::{Authorizer, Credential, Error, Keyed};
//! use http::Request;
//!
//! #[derive(Clone, PartialEq, Eq, Hash)]
//! enum Role { Events, Reports }
//!
//! let roles = Keyed::new(|role: &Role| match role {
//!     Role::Events => Credential::bearer("of-events"),
//!     Role::Reports => Credential::bearer("of-reports"),
//! });
//! let authorizer = Authorizer::keyed(roles).origins(["https://api.example.com"])?;
//!
//! // The key of a request stands among its extensions.
//! let request = Request::get("https://api.example.com/events")
//!     .extension(Role::Events)
//!     .body(())
//!     .unwrap();
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let response = authorizer.run(request, async |request| {
//!     assert_eq!(request.headers()["authorization"], "Bearer of-events");
//!     Ok::<_, std::io::Error>(http::Response::new(()))
//! }).await;
//! # assert!(response.is_ok()); });
//! # Ok::<(), Error>(())
//! ```
//!
//! [Many credentials](crate::docs::keyed) tells how they are bounded, what is remembered of those
//! that are gone, and how fetches take turns.

mod builder;
mod entry;
mod keys;
mod limits;
mod request;
mod stats;
mod warm;

use std::{fmt, hash::Hash, sync::Arc};

use quick_cache::sync::GuardResult;

pub(crate) use self::keys::Keys;
pub use self::{builder::Builder, request::RequestHead, stats::KeyedStats};
use self::{
    entry::{Entries, Entry, Evicted, Remembered},
    limits::FetchLimits,
    stats::Counts,
};
use crate::{Cached, Error, Stats};

/// What can be a key. Two keys are the same if they are equal in every field, so that fields are
/// never run together: use a struct or a tuple, and an `Option` where absent is not empty.
pub trait Key: Clone + Eq + Hash + Send + Sync + 'static {}

impl<K: Clone + Eq + Hash + Send + Sync + 'static> Key for K {}

/// One [`Cached`] credential for each key, made at its first use. Clones share them.
///
/// A function makes the source of a key, or the [`Cached`]; it sends nothing, and may run twice for
/// a key if two threads want it first. A key that it refuses is an error for that request and
/// nothing else: there is no default.
///
/// By default the key of a request is the value of type `K` among its extensions;
/// [`by`](Self::by) finds it elsewhere. A request without one is refused with a
/// [typed error](Error::is_unknown_key) before anything is sent, unless it goes to another origin
/// than ours anyway, or has a header of its own.
///
/// At most [10,000](Builder::limit) are kept. Those that were not used lately go first; one that is
/// in use or is being fetched never does. None goes for its age: an idle one stays until room is
/// needed, or [`remove`](Self::remove) takes it out.
pub struct Keyed<K> {
    store: Arc<Store<K>>,
    by: Option<Arc<FindKey<K>>>,
    /// Whether requests without a key go without a credential.
    optional: bool,
}

type FindKey<K> = dyn Fn(&RequestHead<'_>) -> Option<K> + Send + Sync;
type Make<K> = dyn Fn(&K) -> Result<Cached, Error> + Send + Sync;

/// What the clones share.
struct Store<K> {
    make: Box<Make<K>>,
    entries: Entries<K>,
    /// More are not kept, even if all are in use.
    limit: usize,
    remembered: Arc<Remembered<K>>,
    limits: FetchLimits,
    counts: Arc<Counts>,
    /// Never has a credential. Stands for all keys where none of them is meant: it has the name, and
    /// the origin that all are bound to if none is configured.
    nobody: Cached,
}

impl<K: Key> Keyed<K> {
    /// Makes credentials with this function, with the default limits.
    pub fn new<S: Into<Cached>>(
        make: impl Fn(&K) -> Result<S, Error> + Send + Sync + 'static,
    ) -> Self {
        Builder::new(make).build()
    }

    /// To change the limits or the name.
    pub fn builder<S: Into<Cached>>(
        make: impl Fn(&K) -> Result<S, Error> + Send + Sync + 'static,
    ) -> Builder<K> {
        Builder::new(make)
    }

    /// Finds the key of a request with this function, for this clone and those made of it.
    ///
    /// A key decides whose credential is used. Take it from what your own code has put there, such
    /// as extensions or a host of your choice. A header or a path that a remote party has written is
    /// that party's word for who it is.
    ///
    /// ```
    /// use hallpass_core::{Credential, Error, Keyed, RequestHead};
    ///
    /// let tenants = Keyed::new(|tenant: &String| Credential::bearer(&format!("of-{tenant}")))
    ///     .by(|request: &RequestHead<'_>| Some(request.authority()?.split('.').next()?.to_owned()));
    /// # let _ = tenants;
    /// ```
    #[must_use]
    pub fn by(
        mut self,
        key: impl Fn(&RequestHead<'_>) -> Option<K> + Send + Sync + 'static,
    ) -> Self {
        self.by = Some(Arc::new(key));
        self
    }

    /// Lets requests without a key go without a credential. A key that is there and unknown is an
    /// error all the same.
    #[must_use]
    pub fn pass_without_key(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The credential of a key, made now if it is not there. Nothing is fetched before its first
    /// use.
    ///
    /// # Errors
    /// That of the function, or a transient one if as many as are kept at most are all in use: then
    /// [`limit`](Builder::limit) is below the number of keys that are used at once.
    #[inline]
    pub fn get(&self, key: &K) -> Result<Cached, Error> {
        match self.store.entries.get(key) {
            Some(entry) => Ok(entry.cached),
            None => self.store.make(key),
        }
    }

    /// Forgets a key, and what is remembered of it: the next use makes its credential anew. Requests
    /// on their way still use the old one, which is returned.
    pub fn remove(&self, key: &K) -> Option<Cached> {
        let removed = self.store.entries.remove(key);
        drop(self.store.remembered.remove(key));
        let (_, entry) = removed?;
        self.store.counts.gone(&entry.cached);
        Some(entry.cached)
    }

    /// Forgets all keys. Those that are used afterwards are fetched anew, so many at once as may be.
    pub fn clear(&self) {
        for (_, entry) in self.store.entries.drain() {
            self.store.counts.gone(&entry.cached);
        }
        self.store.remembered.clear();
    }

    /// How many credentials there are now.
    pub fn len(&self) -> usize {
        self.store.entries.len()
    }

    /// Whether there are none now.
    pub fn is_empty(&self) -> bool {
        self.store.entries.is_empty()
    }

    /// What the credential of this key has done since it was made, if it is there. Does not count
    /// as a use.
    pub fn stats_of(&self, key: &K) -> Option<Stats> {
        let entry = self.store.entries.peek(key)?;
        Some(entry.cached.stats())
    }

    /// What all of them have done, those that are gone included. It looks at each one that is there.
    pub fn stats(&self) -> KeyedStats {
        let store = &self.store;
        let all = store.entries.iter().map(|(_, entry)| entry.cached);
        let (fetching, queued) = store.limits.counts();
        KeyedStats {
            fetching,
            queued,
            ..store.counts.sum(all, &store.nobody)
        }
    }
}

impl<K: Key> Store<K> {
    #[cold]
    fn make(&self, key: &K) -> Result<Cached, Error> {
        let entry = Entry::new((self.make)(key)?);
        let endpoint = entry.cached.description().endpoint.as_ref();
        entry.cached.limit_fetches(|| self.limits.of(endpoint));
        // Sources are the user's: they are asked before others wait for this key, and dropped after.
        let version = entry.cached.source_version();
        let mut evicted = Evicted::default();
        let guard = match self.entries.get_value_or_guard(key, None) {
            GuardResult::Guard(guard) => guard,
            GuardResult::Value(other) => return Ok(other.cached),
            GuardResult::Timeout => return Ok(entry.cached),
        };
        if entry.is_ours
            && let Some((_, memory)) = self.remembered.remove(key)
        {
            entry.cached.recall(memory, version);
        }
        let cached = entry.cached.clone();
        // Fails if the key was removed at this moment: then only this request uses it.
        let inserted = guard.insert_with_lifecycle(entry, &mut evicted);
        self.counts.made();
        if inserted.is_ok() && self.entries.len() > self.limit && !self.shrink() {
            return Err(self.full(key, &cached));
        }
        Ok(cached)
    }

    /// A table whose entries were all in use may have more than its share, and some of them may be
    /// idle by now. Says whether that was enough.
    fn shrink(&self) -> bool {
        self.entries.set_capacity(self.limit as u64);
        self.entries.len() <= self.limit
    }

    /// All the others are in use: rather this one waits than that their number grows.
    fn full(&self, key: &K, cached: &Cached) -> Error {
        let removed = self
            .entries
            .remove_if(key, |entry| entry.cached.is_same(cached));
        if let Some((_, entry)) = removed {
            self.counts.gone(&entry.cached);
        }
        Error::transient(format!(
            "{} credentials of {} are all in use, and no more are kept; raise limit",
            self.limit,
            self.nobody.description().name
        ))
    }
}

impl<K> Clone for Keyed<K> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            by: self.by.clone(),
            optional: self.optional,
        }
    }
}

impl<K> fmt::Debug for Keyed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No key: it may be a tenant's name.
        f.debug_struct("Keyed")
            .field("name", &self.store.nobody.description().name)
            .field("limit", &self.store.limit)
            .finish_non_exhaustive()
    }
}
