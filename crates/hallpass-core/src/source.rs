//! [`CredentialSource`]: where credentials come from. The one trait that users implement.

use std::{future::Future, pin::Pin, sync::Arc};

use http::{HeaderMap, HeaderName, header::AUTHORIZATION};

use crate::{Credential, Error, Fetch, KeptKey, Origin, credential::Life, verdict::Rejected};

/// Where credentials come from.
///
/// A source is asked only when a new credential is wanted. It keeps nothing and hurries nobody:
/// [`Cached`](crate::Cached) decides when to ask, sees to it that at most one call is under way,
/// ends it after a deadline, and shares what comes of it.
///
/// ```
/// use std::time::Duration;
/// use hallpass_core::{Credential, CredentialSource, Error, Fetch};
///
/// struct Vault;
///
/// impl CredentialSource for Vault {
///     async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
///         let token = read_lease().await.map_err(Error::transient)?;
///         Ok(Credential::bearer(&token)?.lives_for(Duration::from_secs(600)))
///     }
/// }
/// # async fn read_lease() -> Result<String, std::io::Error> { Ok("t".into()) }
/// ```
pub trait CredentialSource: Send + Sync + 'static {
    /// Gets a new credential.
    ///
    /// # Errors
    /// [`Error::transient`] for what may pass, [`Error::permanent`] for what stays until somebody
    /// changes something. The engine waits longer after the second kind.
    ///
    /// # Cancel safety
    /// The engine drops the future at its deadline and when its runtime shuts down, never because
    /// a caller went away. State must not be lost then: don't take a refresh token out before an
    /// `await`.
    fn fetch(&self, why: &Fetch) -> impl Future<Output = Result<Credential, Error>> + Send;

    /// What adapters should know before there is a credential; read once.
    fn description(&self) -> Description {
        Description::default()
    }

    /// A number that changes when what the source is configured with does, such as a secret.
    ///
    /// Asked whenever a fetch may start: a number other than the one before a permanent failure
    /// ends at once what is remembered of it.
    fn version(&self) -> u64 {
        0
    }

    /// Ends once somebody else has got a newer credential, which the next fetch will bring at little
    /// cost. A source that shares its credentials with other processes has such news.
    ///
    /// Only [`Cached::keep_warm`](crate::Cached::keep_warm) waits for it. Without that the newer one
    /// is taken over when the one in hand is due.
    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }

    /// Whether something would be lost with the source that nobody else has: a refresh token that
    /// was not saved, or how long an endpoint must not be asked again.
    ///
    /// A [`Keyed`](crate::Keyed) asks before it evicts a credential, and keeps it then. It asks under
    /// the lock of a table, for which the requests of other keys wait: the answer must come at once,
    /// and not ask that `Keyed` for anything. Sources that wrap others pass the question on.
    fn keeps_state(&self) -> bool {
        false
    }
}

impl<S: CredentialSource> CredentialSource for Arc<S> {
    fn fetch(&self, why: &Fetch) -> impl Future<Output = Result<Credential, Error>> + Send {
        S::fetch(self, why)
    }

    fn description(&self) -> Description {
        S::description(self)
    }

    fn version(&self) -> u64 {
        S::version(self)
    }

    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        S::news(self)
    }

    fn keeps_state(&self) -> bool {
        S::keeps_state(self)
    }
}

/// What adapters should know of a source before there is a credential.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a trait of its own, and none excludes another"
)]
pub struct Description {
    /// A short name for events and messages, such as a profile's.
    pub name: String,
    /// The header that its credentials go in; a request that has it already is left alone.
    pub header: HeaderName,
    /// The headers that [go along](Credential::with_header) with it, if they are known beforehand.
    pub beside: Vec<HeaderName>,
    /// The origins that its credentials are for, if it knows them.
    pub origins: Option<Vec<Origin>>,
    /// Where it asks for them, if it asks a server. Under a [`Keyed`](crate::Keyed), those that ask
    /// the same one take turns.
    pub endpoint: Option<Origin>,
    /// What else than the usual answers means that a credential no longer works.
    pub rejected: Rejected,
    /// Whether it has one credential for ever: a static key. A refusal of that is final.
    pub fixed: bool,
    /// Whether a new credential ends the one before, as with issuers that allow one live token.
    pub kills_old: bool,
    /// Whether two fetches at a time do harm, wherever they run: a refresh token that may be used only
    /// once. A source that is shared between processes then never fetches beside another's fetch.
    pub one_at_a_time: bool,
    /// Whether a second fetch beside a silent one does no harm, so that a hanging connection is not
    /// waited for. Not where fetches are counted, or each ends what the other brings.
    pub hedge: bool,
    /// The thumbprint of the key that its credentials are bound to (`jkt`, RFC 9449 §6), if it is
    /// known before one is fetched. Sources that are alike in everything else differ in it, and so
    /// do their credentials.
    pub key_thumbprint: Option<String>,
    /// That key, if it outlives this process, so that another one that has it can use the credentials
    /// too.
    pub kept_key: Option<Arc<dyn KeptKey>>,
}

impl Description {
    /// The names of all headers of its credentials, as far as they are known beforehand.
    pub(crate) fn header_names(&self) -> impl Iterator<Item = &HeaderName> {
        std::iter::once(&self.header).chain(&self.beside)
    }

    /// Whether a request has one of them.
    pub(crate) fn is_on(&self, headers: &HeaderMap) -> bool {
        self.header_names().any(|name| headers.contains_key(name))
    }
}

impl Default for Description {
    fn default() -> Self {
        Self {
            name: "credential".to_owned(),
            header: AUTHORIZATION,
            beside: Vec::new(),
            origins: None,
            endpoint: None,
            rejected: Rejected::default(),
            fixed: false,
            kills_old: false,
            one_at_a_time: false,
            hedge: false,
            key_thumbprint: None,
            kept_key: None,
        }
    }
}

/// As a source it is fixed: it brings itself every time, and never ends unless it says when.
impl CredentialSource for Credential {
    async fn fetch(&self, _why: &Fetch) -> Result<Self, Error> {
        let credential = self.clone();
        Ok(match self.life() {
            Life::Unknown => credential.never_expires(),
            Life::Until { .. } | Life::Forever => credential,
        })
    }

    fn description(&self) -> Description {
        Description {
            header: self.header_name().clone(),
            beside: self.own_names().skip(1).cloned().collect(),
            fixed: true,
            ..Description::default()
        }
    }
}

/// [`CredentialSource`] behind a pointer, for what holds sources of any kind: `Arc<dyn AnySource>`.
/// Every source is one.
pub trait AnySource: Send + Sync + 'static {
    /// See [`CredentialSource::fetch`].
    fn fetch<'a>(
        &'a self,
        why: &'a Fetch,
    ) -> Pin<Box<dyn Future<Output = Result<Credential, Error>> + Send + 'a>>;

    /// See [`CredentialSource::description`].
    fn description(&self) -> Description;

    /// See [`CredentialSource::version`].
    fn version(&self) -> u64;

    /// See [`CredentialSource::news`].
    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// See [`CredentialSource::keeps_state`].
    fn keeps_state(&self) -> bool;
}

impl<S: CredentialSource> AnySource for S {
    fn fetch<'a>(
        &'a self,
        why: &'a Fetch,
    ) -> Pin<Box<dyn Future<Output = Result<Credential, Error>> + Send + 'a>> {
        Box::pin(CredentialSource::fetch(self, why))
    }

    fn description(&self) -> Description {
        CredentialSource::description(self)
    }

    fn version(&self) -> u64 {
        CredentialSource::version(self)
    }

    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        CredentialSource::news(self)
    }

    fn keeps_state(&self) -> bool {
        CredentialSource::keeps_state(self)
    }
}
