//! [`Composed`]: a token that another token brings.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use hallpass_core::{
    Cached, Challenges, Credential, CredentialSource, Description, Error, Fetch, Reason, Rejection,
};

use crate::{Secret, TokenSource, token_source::Failed};

/// A source whose material is the token of another source.
///
/// The first token is kept for as long as it is good; the second source asks for it at each fetch.
/// When the endpoint refuses it, it is asked for anew, once. When the API refuses the second token
/// and then the one that comes in its place too, the next fetch begins with a new first one. The
/// first is never sent to the API, and how long it lives says nothing about the second.
///
/// ```
/// use hallpass_oauth2::{ClientCredentials, Composed, Secret, TokenExchange, token_type};
/// # use hallpass_oauth2::transport::{Transport, TransportError};
/// # struct Offline;
/// # impl Transport for Offline {
/// #     async fn send(&self, _: http::Request<bytes::Bytes>, _: std::time::Duration)
/// #         -> Result<http::Response<bytes::Bytes>, TransportError> { unreachable!() }
/// # }
/// # let transport = std::sync::Arc::new(Offline);
///
/// let own = ClientCredentials::at("https://auth.example.com/token")
///     .basic("my-client", Secret::env("EXAMPLE_SECRET"))
///     .build(transport.clone())?;
/// let source = Composed::new(own, |token| {
///     TokenExchange::at("https://sts.example.net/token")
///         .subject_token(token, token_type::ACCESS_TOKEN)
///         .build(transport)
/// })?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Composed {
    first: Arc<First>,
    then: TokenSource,
    /// Whether the last fetch came of a rejection too.
    rejected: Arc<AtomicBool>,
}

struct First {
    cached: Cached,
    /// The credential that the second source had last.
    used: Mutex<Option<Credential>>,
    version: Box<dyn Fn() -> u64 + Send + Sync>,
    keeps_state: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Composed {
    /// Hands the token of `first` to `then`, which builds the source that uses it.
    ///
    /// # Errors
    /// That of `then`.
    pub fn new(
        first: impl CredentialSource,
        then: impl FnOnce(Secret) -> Result<TokenSource, Error>,
    ) -> Result<Self, Error> {
        let first = Arc::new(first);
        let first = Arc::new(First {
            cached: Cached::new(first.clone()),
            used: Mutex::default(),
            version: Box::new({
                let first = first.clone();
                move || first.version()
            }),
            keeps_state: Box::new(move || first.keeps_state()),
        });
        let material = first.clone();
        let then = then(Secret::from_async_fn(move || {
            let first = material.clone();
            async move { first.token().await }
        }))?;
        Ok(Self {
            first,
            then,
            rejected: Arc::default(),
        })
    }
}

impl First {
    async fn token(&self) -> Result<String, Error> {
        let credential = self.cached.get().await?;
        let value = credential.header_value().to_str().map_err(|_| {
            Error::configuration("the first source's credential is no token that can be passed on")
        })?;
        let token = credential.token().unwrap_or(value).to_owned();
        *self.used() = Some(credential);
        Ok(token)
    }

    /// Whether there will be another token than the one that was used last.
    fn renew(&self) -> bool {
        let used = self.used().clone();
        used.is_some_and(|used| {
            self.cached.reject(&used, &Challenges::default()) == Rejection::Suspected
        })
    }

    fn accepted(&self) {
        if let Some(used) = &*self.used() {
            self.cached.accept(used);
        }
    }

    fn used(&self) -> std::sync::MutexGuard<'_, Option<Credential>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether another first token may help. A 401 alone proves nothing that lasts, where the first token
/// is all that the request proves who it is with; but that it is that token is likely.
fn is_for_the_first(failed: &Failed) -> bool {
    failed.unauthorized || failed.error.is_permanent()
}

impl CredentialSource for Composed {
    /// # Cancel safety
    /// The first source's fetch goes on and serves the next.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        let again = why.reason() == Reason::Rejected;
        if self.rejected.swap(again, Ordering::Relaxed) && again {
            self.first.renew();
        }
        let outcome = match self.then.ask(why).await {
            Err(failed) if is_for_the_first(&failed) && self.first.renew() => {
                tracing::debug!(
                    target: "hallpass",
                    source = self.then.description().name,
                    error = %failed.error,
                    "refused, trying again with another first token"
                );
                self.then.fetch(why).await
            }
            outcome => outcome.map_err(|failed| failed.error),
        };
        if outcome.is_ok() {
            self.first.accepted();
        }
        outcome
    }

    fn description(&self) -> Description {
        let mut description = self.then.description();
        // Whoever fetches may use up what the first source asks with.
        description.one_at_a_time |= self.first.cached.description().one_at_a_time;
        description
    }

    fn version(&self) -> u64 {
        (self.first.version)().wrapping_add(self.then.version())
    }

    fn keeps_state(&self) -> bool {
        (self.first.keeps_state)() || self.then.keeps_state()
    }
}

impl fmt::Debug for Composed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Composed")
            .field("first", &self.first.cached.description().name)
            .field("then", &self.then)
            .finish_non_exhaustive()
    }
}
