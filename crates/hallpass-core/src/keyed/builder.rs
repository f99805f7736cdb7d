//! [`Builder`]: a [`Keyed`] with other limits.

use std::{fmt, sync::Arc};

use quick_cache::{OptionsBuilder, UnitWeighter};

use super::{
    Key, Keyed, Make, Store,
    entry::{Entries, Lifecycle, remembered},
    limits::FetchLimits,
    stats::Counts,
};
use crate::{Cached, Credential, CredentialSource, Description, Error, Fetch};

/// How many credentials are kept: 10,000, some 20 MB with their tokens.
const LIMIT: usize = 10_000;

/// How many fetches run at once against one endpoint: 64. Ten thousand tokens of 50 ms each are
/// fetched in 8 s then, and few issuers take more from one client.
const FETCHES_AT_ONCE: usize = 64;

/// The share of the credentials that new keys can't displace just by being new. The other half is
/// for those that were used but once, oldest first.
const SHARE_IN_USE: f64 = 0.5;

/// A [`Keyed`] with other limits or a name.
///
/// ```
/// use hallpass_core::{Credential, Keyed};
///
/// let tenants = Keyed::builder(|tenant: &u64| Credential::bearer(&format!("of-{tenant}")))
///     .limit(100_000)
///     .fetches_at_once(16)
///     .named("tenants")
///     .build();
/// # let _ = tenants;
/// ```
pub struct Builder<K> {
    make: Box<Make<K>>,
    limit: usize,
    fetches_at_once: usize,
    name: String,
}

impl<K: Key> Builder<K> {
    pub(super) fn new<S: Into<Cached>>(
        make: impl Fn(&K) -> Result<S, Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            make: Box::new(move |key| make(key).map(Into::into)),
            limit: LIMIT,
            fetches_at_once: FETCHES_AT_ONCE,
            name: "keyed".to_owned(),
        }
    }

    /// How many credentials are kept: 10,000 unless set.
    ///
    /// Keys are spread over several tables, each with its share of this. With as many keys as this
    /// says, a few tables are full already: leave a tenth of room. It has to be above the number of
    /// keys with requests under way at once: credentials in use don't go, and a new key is refused then.
    /// A credential is not dropped for its age.
    #[must_use]
    pub fn limit(mut self, credentials: usize) -> Self {
        self.limit = credentials.max(1);
        self
    }

    /// How many fetches run at once against one [endpoint](Description::endpoint): 64 unless set.
    /// The others wait for their turn, within the deadline of their fetch. Those of keys whose last
    /// fetch failed get at most half of the places.
    #[must_use]
    pub fn fetches_at_once(mut self, fetches: usize) -> Self {
        self.fetches_at_once = fetches;
        self
    }

    /// What it is called in events and messages; `keyed` unless set. Credentials have names of their
    /// own.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Builds it. Nothing is made before its first use.
    pub fn build(self) -> Keyed<K> {
        let remembered = Arc::new(remembered(self.limit));
        let counts = Arc::new(Counts::default());
        let lifecycle = Lifecycle::new(Arc::clone(&remembered), Arc::clone(&counts));
        let options = OptionsBuilder::new()
            .estimated_items_capacity(self.limit)
            .weight_capacity(self.limit as u64)
            .hot_allocation(SHARE_IN_USE)
            .build();
        let (unit, random) = (UnitWeighter, std::hash::RandomState::new());
        let entries = match options {
            Ok(options) => Entries::with_options(options, unit, random, lifecycle),
            // Both capacities are given, so this is never needed.
            Err(_) => Entries::with(self.limit, self.limit as u64, unit, random, lifecycle),
        };
        // Rounded up to a whole number for each table.
        let limit = entries.capacity() as usize;
        Keyed {
            store: Arc::new(Store {
                make: self.make,
                entries,
                limit,
                remembered,
                limits: FetchLimits::new(self.fetches_at_once),
                counts,
                nobody: Cached::new(Nobody { name: self.name }),
            }),
            by: None,
            optional: false,
        }
    }
}

impl<K> fmt::Debug for Builder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("limit", &self.limit)
            .field("fetches_at_once", &self.fetches_at_once)
            .finish_non_exhaustive()
    }
}

/// Stands for all keys, and has nothing.
struct Nobody {
    name: String,
}

impl CredentialSource for Nobody {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        Err(Error::unknown_key(format!(
            "{} has a credential for each key, and none without",
            self.name
        )))
    }

    fn description(&self) -> Description {
        Description {
            name: self.name.clone(),
            ..Description::default()
        }
    }
}
