//! [`Token`]: a token that somebody else looks after, wherever a [`Secret`] is kept.

use std::{fmt, time::Duration};

use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch};

use super::header::{Placed, attached, described};
use crate::{Secret, secret::Use};

/// A token or API key in an environment variable, a vault, or wherever a [`Secret`] is kept.
///
/// Unless [`lives_for`](Self::lives_for) says how long a value is good for, it is asked for once,
/// and again when a server refuses it. For a file that somebody rewrites there is
/// [`TokenFile`](crate::TokenFile).
///
/// ```
/// use hallpass_oauth2::{Secret, Token};
///
/// let source = Token::new(Secret::env("GITHUB_TOKEN")).origins(["https://api.github.com"])?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Token {
    secret: Secret,
    lifetime: Option<Duration>,
    placed: Placed,
}

impl Token {
    /// Sends it as a bearer token.
    pub fn new(secret: impl Into<Secret>) -> Self {
        Self {
            secret: secret.into(),
            lifetime: None,
            placed: Placed::bearer("token"),
        }
    }

    /// How long a value is good for before it is asked for again.
    #[must_use]
    pub fn lives_for(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }
}

described!(Token, placed.description, "token");
attached!(Token);

impl CredentialSource for Token {
    /// # Cancel safety
    /// Nothing is kept between calls.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        let wanted = Use {
            what: "token",
            of: &self.placed.description.name,
        };
        why.sending()?;
        let token = self.secret.read(wanted).await?;
        let credential = self.placed.credential(&token)?;
        Ok(match self.lifetime {
            Some(lifetime) => credential.lives_for(lifetime),
            None => credential.never_expires(),
        })
    }

    fn description(&self) -> Description {
        self.placed.description.clone()
    }

    fn version(&self) -> u64 {
        self.secret.version()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("secret", &self.secret)
            .finish_non_exhaustive()
    }
}
