//! [`GoogleImpersonation`]: another identity acts in a service account's place.

use std::time::Duration;

use hallpass_core::{CredentialSource, Error};

use super::CloudSource;
use crate::{Composed, Param, Profile, Transport};

/// A Google service account in whose place another identity acts, such as a
/// [`GceMetadata`](super::GceMetadata)'s.
///
/// ```
/// use hallpass_oauth2::cloud::{GceMetadata, GoogleImpersonation};
/// # use hallpass_oauth2::transport::{Transport, TransportError};
/// # struct Offline;
/// # impl Transport for Offline {
/// #     async fn send(&self, _: http::Request<bytes::Bytes>, _: std::time::Duration)
/// #         -> Result<http::Response<bytes::Bytes>, TransportError> { unreachable!() }
/// # }
/// # let transport = std::sync::Arc::new(Offline);
///
/// let machine = GceMetadata::new().build(transport.clone())?;
/// let source = GoogleImpersonation::of("robot@project.iam.gserviceaccount.com")
///     .scopes(["https://www.googleapis.com/auth/devstorage.read_only"])
///     .build(machine, transport)?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GoogleImpersonation {
    target: Target,
    scopes: Vec<String>,
    delegates: Vec<String>,
    lifetime: Option<Duration>,
}

#[derive(Debug, Clone)]
enum Target {
    Account(String),
    /// As credential files name it; checked by whoever read them.
    Url(String),
}

pub(super) const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// For identities at Google. `$more` is what there is to say beside the default.
macro_rules! scopes {
    ($identity:ident $(, $more:literal)?) => {
        impl $identity {
            #[doc = concat!("The scopes to ask for; `…/auth/cloud-platform` unless set." $(, $more)?)]
            #[must_use]
            pub fn scopes<I>(mut self, scopes: I) -> Self
            where
                I: IntoIterator<Item: Into<String>>,
            {
                self.scopes = scopes.into_iter().map(Into::into).collect();
                self
            }
        }
    };
}
pub(super) use scopes;

scopes!(GoogleImpersonation);

impl GoogleImpersonation {
    /// The service account, by its e-mail address.
    pub fn of(service_account: impl Into<String>) -> Self {
        Self::at(Target::Account(service_account.into()))
    }

    pub(super) fn at_url(url: String) -> Self {
        Self::at(Target::Url(url))
    }

    fn at(target: Target) -> Self {
        Self {
            target,
            scopes: vec![CLOUD_PLATFORM.to_owned()],
            delegates: Vec::new(),
            lifetime: None,
        }
    }

    /// The service accounts between, by their e-mail addresses, each of which may act for the next.
    #[must_use]
    pub fn delegates<I>(mut self, accounts: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.delegates = accounts.into_iter().map(Into::into).collect();
        self
    }

    /// How long a token is to live; an hour unless set.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Checks the settings and makes the source. `by` is who acts.
    ///
    /// # Errors
    /// A permanent error that names the setting.
    pub fn build(
        self,
        by: impl CredentialSource,
        transport: impl Transport,
    ) -> Result<CloudSource, Error> {
        let profile = Profile::named("google-impersonation")?;
        let mut profile = match self.target {
            Target::Account(account) => profile.var("service_account", account),
            Target::Url(url) => profile.token_url(url),
        };
        // All scopes at once, where the file has room for one.
        profile.params.retain(|(name, _)| name != "scope");
        profile.variables.remove("scope");
        let list = |texts: Vec<String>| Param::List(texts.into_iter().map(Param::from).collect());
        let mut set = |name: &str, value| profile.params.push((name.to_owned(), value));
        set("scope", list(self.scopes));
        if !self.delegates.is_empty() {
            let named = |account| format!("projects/-/serviceAccounts/{account}");
            set(
                "delegates",
                list(self.delegates.into_iter().map(named).collect()),
            );
        }
        if let Some(lifetime) = self.lifetime {
            set("lifetime", format!("{}s", lifetime.as_secs()).into());
        }
        let id = profile.name.clone();
        Composed::new(by, |token| profile.client(id, token).build(transport)).map(CloudSource::of)
    }
}
