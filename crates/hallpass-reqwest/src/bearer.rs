//! [`Bearer`]: what the middleware is configured with.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use hallpass_core::{Authorizer, Cached, Error, Origin};
use http::{HeaderMap, StatusCode};

/// Puts a credential on every request; see the [crate's documentation](crate) for an example.
///
/// A request whose credential is refused is replayed once, unless its body is a stream. Without
/// [`origins`](Self::origins) those hold that the source names (a vendor's profile does); if it
/// names none, the credential is bound to the first origin that it is used for.
#[derive(Debug, Clone)]
pub struct Bearer {
    pub(crate) authorizer: Authorizer,
    pub(crate) replays: bool,
    pub(crate) redirects_guarded: bool,
    /// Clones share it, so that one warning is enough.
    warned: Arc<AtomicBool>,
}

impl Bearer {
    /// Takes a [`CredentialSource`](hallpass_core::CredentialSource), or a [`Cached`] to share one
    /// credential among several clients.
    pub fn new(source: impl Into<Cached>) -> Self {
        Self::with(Authorizer::new(source))
    }

    /// Takes rules that are configured already.
    pub fn with(authorizer: Authorizer) -> Self {
        Self {
            authorizer,
            replays: true,
            redirects_guarded: false,
            warned: Arc::default(),
        }
    }

    /// Says that the client follows no redirect to another origin, because it was built with
    /// [`redirect_policy`](crate::redirect_policy) or with [`reqwest::redirect::Policy::none`].
    ///
    /// There is no way to see that from here. A credential in another header than `Authorization`
    /// is not sent without this promise; [here](crate#redirects) is why.
    #[must_use]
    pub fn redirects_guarded(mut self) -> Self {
        self.redirects_guarded = true;
        self
    }

    /// Replays nothing, and so copies no request: a refused request's answer goes to the caller,
    /// while the credential is still dropped, so that the next request gets another.
    #[must_use]
    pub fn without_replay(mut self) -> Self {
        self.replays = false;
        self
    }

    /// Binds the credential to these origins; requests to any other go without it.
    ///
    /// # Errors
    /// If one is not an `http` or `https` URL with a host, or there is none.
    pub fn origins<O>(self, origins: impl IntoIterator<Item = O>) -> Result<Self, Error>
    where
        O: TryInto<Origin>,
        Error: From<O::Error>,
    {
        let authorizer = self.authorizer.origins(origins)?;
        Ok(Self { authorizer, ..self })
    }

    /// Lets the credential go anywhere. Only for a client that can reach nothing else.
    #[must_use]
    pub fn any_origin(self) -> Self {
        self.map(Authorizer::any_origin)
    }

    /// Lets the credential go over plain `http` to other machines, where anyone on the way reads it.
    #[must_use]
    pub fn dangerously_allow_http(self) -> Self {
        self.map(Authorizer::dangerously_allow_http)
    }

    /// Replaces a header that the caller has set, instead of leaving such a request alone.
    #[must_use]
    pub fn overriding(self) -> Self {
        self.map(Authorizer::overriding)
    }

    /// Also treats answers as a rejection for which this is true, such as a vendor's 419.
    #[must_use]
    pub fn rejected_when(
        self,
        predicate: impl Fn(StatusCode, &HeaderMap) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.map(|authorizer| authorizer.rejected_when(predicate))
    }

    /// Puts an [`Attempt`](hallpass_core::Attempt) on every response; without this, only those
    /// have one that waited for a credential or were replayed.
    #[must_use]
    pub fn report_attempts(self) -> Self {
        self.map(Authorizer::report_attempts)
    }

    /// The rules, and through them the credential.
    pub const fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }

    fn map(self, edit: impl FnOnce(Authorizer) -> Authorizer) -> Self {
        Self {
            authorizer: edit(self.authorizer),
            ..self
        }
    }

    /// True once.
    pub(crate) fn may_warn(&self) -> bool {
        !self.warned.swap(true, Ordering::Relaxed)
    }
}
