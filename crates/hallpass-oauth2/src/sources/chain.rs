//! [`Chain`]: the first of several sources that has something.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch};

use crate::absent::Absent;

/// Several places where a credential may be, asked in order at each fetch.
///
/// A source that fails for good, such as a variable that is not set or a file that is not there,
/// leaves it to the next. One that fails for now ends the chain with its error: a server that is
/// down is no reason to become somebody else.
///
/// ```
/// use hallpass_oauth2::{Chain, Secret, Token, TokenFile};
///
/// let source = Chain::of(Token::new(Secret::env("API_TOKEN")))
///     .or(TokenFile::at("/var/run/secrets/tokens/api"));
/// # let _ = source;
/// ```
#[derive(Clone)]
pub struct Chain {
    sources: Vec<Arc<dyn Link>>,
}

type Fetched<'a> = Pin<Box<dyn Future<Output = Result<Credential, Error>> + Send + 'a>>;

/// The trait behind a pointer, so that a chain has no type parameter.
trait Link: Send + Sync {
    fn fetch<'a>(&'a self, why: &'a Fetch) -> Fetched<'a>;
    fn description(&self) -> Description;
    fn version(&self) -> u64;
}

impl<S: CredentialSource> Link for S {
    fn fetch<'a>(&'a self, why: &'a Fetch) -> Fetched<'a> {
        Box::pin(CredentialSource::fetch(self, why))
    }

    fn description(&self) -> Description {
        CredentialSource::description(self)
    }

    fn version(&self) -> u64 {
        CredentialSource::version(self)
    }
}

impl Chain {
    /// Asks this source first.
    pub fn of(first: impl CredentialSource) -> Self {
        Self {
            sources: vec![Arc::new(first)],
        }
    }

    /// Asks this source if none before it has anything.
    #[must_use]
    pub fn or(mut self, next: impl CredentialSource) -> Self {
        self.sources.push(Arc::new(next));
        self
    }
}

impl CredentialSource for Chain {
    /// # Cancel safety
    /// That of the sources.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        let mut last = None;
        for source in &self.sources {
            match source.fetch(why).await {
                Ok(credential) => return Ok(credential),
                Err(error) if error.is_transient() && !Absent::is_behind(&error) => {
                    return Err(error);
                }
                Err(error) => {
                    tracing::debug!(
                        target: "hallpass",
                        source = source.description().name,
                        error = %error,
                        "nothing here, asking the next source"
                    );
                    last = Some(error);
                }
            }
        }
        let names: Vec<_> = self
            .sources
            .iter()
            .map(|source| source.description().name)
            .collect();
        let message = format!("no credential from any of {}", names.join(", "));
        Err(match last {
            Some(error) => Error::permanent(error).context(message),
            None => Error::configuration(message),
        })
    }

    /// The header is the first source's. The origins are known if they are the same for all.
    fn description(&self) -> Description {
        let mut all = self.sources.iter().map(|source| source.description());
        let mut description = all.next().unwrap_or_default();
        if all.any(|other| other.origins != description.origins) {
            description.origins = None;
        }
        "chain".clone_into(&mut description.name);
        description
    }

    fn version(&self) -> u64 {
        self.sources
            .iter()
            .fold(0, |sum, source| sum.wrapping_add(source.version()))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.sources.iter().map(|source| source.description().name);
        f.debug_list().entries(names).finish()
    }
}
