//! [`Discovered`]: a token endpoint that is found when it is first needed.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch};
use tokio::time::Instant;

use super::{Discovery, METADATA_LIFETIME, MOVED_AFTER, Metadata};
use crate::{ATTEMPT_DEADLINE, TokenRequest, TokenSource, Transport, transport::DynTransport};

type Build = dyn Fn(&Metadata) -> Result<TokenSource, Error> + Send + Sync;

/// A token endpoint that is found through its issuer's metadata; made by [`Discovery::source`].
/// Cheap to clone; clones share what was found.
#[derive(Clone)]
pub struct Discovered {
    inner: Arc<Inner>,
}

struct Inner {
    discovery: Discovery,
    transport: Arc<dyn DynTransport>,
    build: Box<Build>,
    found: Mutex<Found>,
}

struct Found {
    /// None while a stand-in only checks the settings.
    metadata: Option<Metadata>,
    source: TokenSource,
    /// None if the metadata must be asked for before it is used again.
    until: Option<Instant>,
    /// How many fetches in a row have failed for now.
    failures: u32,
}

impl Discovered {
    pub(super) fn new(
        discovery: Discovery,
        transport: impl Transport,
        build: impl Fn(&Metadata) -> TokenRequest + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        discovery.checked()?;
        let transport = Arc::new(transport);
        let shared = transport.clone();
        let build = move |metadata: &Metadata| {
            let mut request = build(metadata);
            request.issuer_unless_set(metadata.issuer());
            request.build(shared.clone())
        };
        let source = build(&Metadata::stand_in(&discovery.issuer))?;
        Ok(Self {
            inner: Arc::new(Inner {
                discovery,
                transport,
                build: Box::new(build),
                found: Mutex::new(Found {
                    metadata: None,
                    source,
                    until: None,
                    failures: 0,
                }),
            }),
        })
    }

    /// The source to ask now.
    async fn source(&self, why: &Fetch) -> Result<TokenSource, Error> {
        // With metadata at hand, most of the time is left to the token request.
        let left = why.deadline().saturating_duration_since(Instant::now());
        let mut limit = ATTEMPT_DEADLINE.min(left);
        {
            let found = self.lock();
            if found.metadata.is_some() {
                limit = limit.min(left / 4);
            }
            if found.until.is_some_and(|until| Instant::now() < until) {
                return Ok(found.source.clone());
            }
        }
        let inner = &*self.inner;
        let asked = inner.discovery.ask(&*inner.transport, limit).await;
        let mut found = self.lock();
        let metadata = match asked {
            Ok(metadata) => metadata,
            Err(error) if found.metadata.is_none() => return Err(error),
            Err(error) => {
                tracing::warn!(
                    target: "hallpass",
                    issuer = inner.discovery.issuer,
                    error = %error,
                    "no metadata; the last stays"
                );
                return Ok(found.source.clone());
            }
        };
        if found.metadata.as_ref() != Some(&metadata) {
            let mut source = (inner.build)(&metadata)?;
            source.succeed(&found.source);
            found.source = source;
            found.metadata = Some(metadata);
        }
        found.until = Instant::now().checked_add(METADATA_LIFETIME);
        Ok(found.source.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Found> {
        let found = self.inner.found.lock();
        found.unwrap_or_else(PoisonError::into_inner)
    }
}

impl CredentialSource for Discovered {
    /// # Cancel safety
    /// Nothing that was found is lost.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        let fetched = self.source(why).await?.fetch(why).await;
        let mut found = self.lock();
        found.failures = match &fetched {
            Ok(_) => 0,
            Err(error) if error.is_permanent() => MOVED_AFTER,
            Err(_) => found.failures.saturating_add(1),
        };
        if found.failures >= MOVED_AFTER {
            found.failures = 0;
            found.until = None;
        }
        drop(found);
        fetched
    }

    fn description(&self) -> Description {
        self.lock().source.description()
    }

    fn version(&self) -> u64 {
        self.lock().source.version()
    }

    fn keeps_state(&self) -> bool {
        self.lock().source.keeps_state()
    }
}

impl fmt::Debug for Discovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discovered")
            .field("discovery", &self.inner.discovery)
            .finish_non_exhaustive()
    }
}
