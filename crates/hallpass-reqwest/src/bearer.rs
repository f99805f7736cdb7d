//! [`Bearer`]: what the middleware is configured with, and the clients that it is built into.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hallpass_core::{Authorizer, Cached, Error, Keyed, keyed::Key};
use hallpass_tower::REPLAY_LIMIT;
use reqwest::redirect::Policy;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};

use crate::proxy::SystemProxies;

/// A reqwest client that puts this credential on every request, with the default settings.
///
/// Redirects are followed, up to ten of them, and none carries the credential to a server that it
/// is not for; [here](crate#redirects) is how. For settings of your own there is
/// [`Bearer::client_from`].
///
/// ```
/// # use hallpass_core::Credential;
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let source = Credential::bearer("a-token")?;
/// let client = hallpass_reqwest::client(source)?;
/// let accounts = client.get("https://api.example.com/v2/accounts").send().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If reqwest cannot set up TLS or name resolution.
pub fn client(source: impl Into<Cached>) -> Result<ClientWithMiddleware, Error> {
    Bearer::new(source).client_from(reqwest::Client::builder())
}

/// Puts a credential on every request; see the [crate's documentation](crate) for an example.
///
/// A request whose credential is refused is sent once more with another, unless its body is a
/// stream longer than the [limit](Self::replay_limit). Without [`origins`](Self::origins) those hold that the source names (a vendor's profile
/// does); if it names none, the credential is bound to the first origin that it is used for.
///
/// It is made part of a client with [`client_from`](Self::client_from). Added to any other client
/// it refuses to send a credential, because reqwest's own redirects could carry it to another
/// server.
#[derive(Debug, Clone)]
pub struct Bearer {
    pub(crate) authorizer: Authorizer,
    /// How much of a stream is kept for a replay; none if nothing is replayed.
    pub(crate) replays: Option<usize>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) redirects: Redirects,
    /// Clones share it, so that one warning is enough.
    warned: Arc<AtomicBool>,
}

/// Who follows redirects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redirects {
    /// Perhaps reqwest, below us.
    Unknown,
    /// Nobody, by the user's word.
    Off,
    /// This middleware, above the credential.
    Followed,
}

impl Bearer {
    /// Takes a [`CredentialSource`](hallpass_core::CredentialSource), or a [`Cached`] to share one
    /// credential among several clients.
    pub fn new(source: impl Into<Cached>) -> Self {
        Self::with(Authorizer::new(source))
    }

    /// Takes one credential for each key; each request gets that of its own key.
    ///
    /// A request whose key is missing or unknown fails with a [typed
    /// error](hallpass_core::Error::is_unknown_key), and nothing is sent.
    ///
    /// ```
    /// # use hallpass_core::{Credential, Keyed};
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// #[derive(Clone, PartialEq, Eq, Hash)]
    /// struct Tenant(u64);
    ///
    /// let tenants = Keyed::new(|Tenant(id): &Tenant| Credential::bearer(&format!("of-{id}")));
    /// let client = hallpass_reqwest::Bearer::keyed(tenants)
    ///     .origins(["https://api.example.com"])?
    ///     .client_from(reqwest::Client::builder())?;
    ///
    /// let request = client.get("https://api.example.com/items").with_extension(Tenant(7));
    /// # let _ = request.send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn keyed<K: Key>(keyed: Keyed<K>) -> Self {
        Self::with(Authorizer::keyed(keyed))
    }

    /// Takes rules that are configured already.
    pub fn with(authorizer: Authorizer) -> Self {
        Self {
            authorizer: if SystemProxies::read().take_loopback() {
                authorizer.behind_proxy()
            } else {
                authorizer
            },
            replays: Some(REPLAY_LIMIT),
            timeout: None,
            redirects: Redirects::Unknown,
            warned: Arc::default(),
        }
    }

    /// Builds a client with these settings and the credential on every request.
    ///
    /// The builder's redirect policy is replaced: redirects are followed above the credential, up to
    /// ten, so that each of them is a request of its own that gets the credential if it may.
    /// A [timeout](reqwest::ClientBuilder::timeout) of the builder's counts for each sending alone;
    /// [`timeout`](Self::timeout) is one for all of a request.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use hallpass_core::Credential;
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let source = Credential::bearer("a-token")?;
    /// # let limit = Duration::from_secs(10);
    /// let client = hallpass_reqwest::Bearer::new(source)
    ///     .timeout(limit)
    ///     .client_from(reqwest::Client::builder().user_agent("my-app"))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If reqwest cannot build a client of these settings.
    pub fn client_from(
        self,
        builder: reqwest::ClientBuilder,
    ) -> Result<ClientWithMiddleware, Error> {
        self.client_with(builder, |outer| outer)
    }

    /// As [`client_from`](Self::client_from), with other middlewares outside of this one, the first
    /// of them outermost; [here](crate#order-of-middlewares) is which belong there.
    ///
    /// More can be added below with [`ClientBuilder::from_client`]; those see each hop of a
    /// redirect, and the credential.
    ///
    /// # Errors
    /// If reqwest cannot build a client of these settings.
    pub fn client_with(
        mut self,
        builder: reqwest::ClientBuilder,
        outer: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<ClientWithMiddleware, Error> {
        let client = builder.redirect(Policy::none()).build().map_err(|error| {
            Error::permanent(error.without_url()).context("the reqwest client cannot be built")
        })?;
        self.redirects = Redirects::Followed;
        Ok(outer(ClientBuilder::new(client)).with(self).build())
    }

    /// Promises that the client below was built with [`Policy::none`], so that this middleware may
    /// be added to it with [`ClientBuilder::with`]. Redirects then are answers like any other.
    ///
    /// A client that follows redirects all the same carries the credential to wherever they lead,
    /// and there is no way to see that in time from here. [`client_from`](Self::client_from) needs
    /// no promise. This is also for a second credential that is added to such a client.
    #[must_use]
    pub fn assume_no_redirects(mut self) -> Self {
        self.redirects = Redirects::Off;
        self
    }

    /// Limits all of a request: the wait for a credential, every sending and redirect, and reading
    /// the answer. A [timeout](reqwest_middleware::RequestBuilder::timeout) that a request brings
    /// holds in its place.
    ///
    /// reqwest does not let middlewares see the timeout of a client. Without this one and without
    /// one of the request's, a request waits for its credential as long as the engine lets it.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Sends nothing a second time after a refusal: the answer goes to the caller, while the
    /// credential is still doubted, so that a later request gets another.
    #[must_use]
    pub fn without_replay(mut self) -> Self {
        self.replays = None;
        self
    }

    /// How many bytes of a body that streams are kept for a replay, [`REPLAY_LIMIT`](hallpass_tower::REPLAY_LIMIT) unless this is
    /// said. Bodies of bytes are shared, and replayed however long they are.
    #[must_use]
    pub fn replay_limit(mut self, bytes: usize) -> Self {
        self.replays = Some(bytes);
        self
    }

    /// Says that the client sends plain `http` through a proxy, so that `http` to this very machine
    /// is not private.
    ///
    /// That is known without this where the environment says so (`HTTP_PROXY`, `ALL_PROXY`, and not
    /// `NO_PROXY`). A proxy that was given to the builder cannot be seen from here.
    #[must_use]
    pub fn behind_proxy(self) -> Self {
        self.always(Authorizer::behind_proxy)
    }

    hallpass_core::adapter::setters!();

    /// The rules, and through them the credential.
    pub const fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }

    fn edit<E>(self, edit: impl FnOnce(Authorizer) -> Result<Authorizer, E>) -> Result<Self, E> {
        let authorizer = edit(self.authorizer)?;
        Ok(Self { authorizer, ..self })
    }

    /// True once.
    pub(crate) fn may_warn(&self) -> bool {
        !self.warned.swap(true, Ordering::Relaxed)
    }
}
