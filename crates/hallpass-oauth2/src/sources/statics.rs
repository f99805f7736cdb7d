//! [`Basic`] and [`Static`]: credentials that need no exchange.

use std::{fmt, future::Future};

use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch};
use http::{HeaderName, header::AUTHORIZATION};

use super::header::described;
use crate::{Secret, secret::Use};

/// A user name and a password in an HTTP Basic header, on API requests themselves.
///
/// The two halves go as they are, in UTF-8 (RFC 7617). Not for token endpoints: those want the
/// halves encoded, which [`TokenRequest::basic`](crate::TokenRequest::basic) does.
///
/// ```
/// use hallpass_oauth2::{Basic, Secret};
///
/// let source = Basic::new(Secret::env("ATLAR_ACCESS_KEY"), Secret::env("ATLAR_SECRET"))
///     .origins(["https://api.atlar.com"])?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Basic {
    user: Secret,
    password: Secret,
    description: Description,
}

impl Basic {
    /// Reads both at each fetch, as the [`Secret`]s say.
    pub fn new(user: impl Into<Secret>, password: impl Into<Secret>) -> Self {
        let mut description = Description::default();
        "basic".clone_into(&mut description.name);
        description.header = AUTHORIZATION;
        Self {
            user: user.into(),
            password: password.into(),
            description,
        }
    }
}

described!(Basic, description, "basic");

impl CredentialSource for Basic {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        let wanted = |what| Use {
            what,
            of: &self.description.name,
        };
        let user = self.user.read(wanted("user name")).await?;
        let password = self.password.read(wanted("password")).await?;
        Ok(Credential::basic(&user, &password)?.never_expires())
    }

    fn description(&self) -> Description {
        self.description.clone()
    }

    fn version(&self) -> u64 {
        self.user.version().wrapping_add(self.password.version())
    }
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Basic")
            .field("user", &self.user)
            .field("password", &self.password)
            .finish_non_exhaustive()
    }
}

/// One credential that stays: a long-lived token, an API key.
///
/// A [`Credential`] is such a source itself; this one has a name and origins too. There is no other to
/// be had, so a refusal is returned and changes nothing.
///
/// ```
/// use hallpass_oauth2::Static;
///
/// let source = Static::header("x-api-key", "k3y")?.origins(["https://api.example.com"])?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Static {
    credential: Credential,
    description: Description,
}

impl Static {
    /// This credential at every fetch, for ever unless it says when it ends.
    pub fn new(credential: Credential) -> Self {
        let mut description = credential.description();
        "static".clone_into(&mut description.name);
        Self {
            credential,
            description,
        }
    }

    /// `Authorization: Bearer <token>`, for ever.
    ///
    /// # Errors
    /// As [`Credential::bearer`].
    pub fn bearer(token: &str) -> Result<Self, Error> {
        Credential::bearer(token).map(Self::new)
    }

    /// Another header, such as an API key's, for ever.
    ///
    /// # Errors
    /// If the name is not a header's, and as [`Credential::header`].
    pub fn header(name: &str, value: &str) -> Result<Self, Error> {
        let name: HeaderName = name
            .parse()
            .map_err(|_| Error::configuration("that is not a header's name"))?;
        Credential::header(name, value).map(Self::new)
    }
}

described!(Static, description, "static");

impl CredentialSource for Static {
    fn fetch(&self, why: &Fetch) -> impl Future<Output = Result<Credential, Error>> + Send {
        self.credential.fetch(why)
    }

    fn description(&self) -> Description {
        self.description.clone()
    }
}
