//! [`Basic`] and [`Static`]: credentials that need no exchange.

use std::fmt;

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
        Self {
            user: user.into(),
            password: password.into(),
            description: named("basic", AUTHORIZATION),
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
    /// This credential at every fetch, with the lifetime that it says.
    pub fn new(credential: Credential) -> Self {
        let header = credential.header_name().clone();
        Self {
            credential,
            description: named("static", header),
        }
    }

    /// `Authorization: Bearer <token>`, for ever.
    ///
    /// # Errors
    /// As [`Credential::bearer`].
    pub fn bearer(token: &str) -> Result<Self, Error> {
        Ok(Self::new(Credential::bearer(token)?.never_expires()))
    }

    /// Another header, such as an API key's, for ever.
    ///
    /// # Errors
    /// If the name is not a header's, and as [`Credential::header`].
    pub fn header(name: &str, value: &str) -> Result<Self, Error> {
        let name: HeaderName = name
            .parse()
            .map_err(|_| Error::configuration("that is not a header's name"))?;
        Ok(Self::new(Credential::header(name, value)?.never_expires()))
    }
}

described!(Static, description, "static");

impl CredentialSource for Static {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        Ok(self.credential.clone())
    }

    fn description(&self) -> Description {
        self.description.clone()
    }
}

fn named(name: &str, header: HeaderName) -> Description {
    let mut description = Description::default();
    name.clone_into(&mut description.name);
    description.header = header;
    description
}
