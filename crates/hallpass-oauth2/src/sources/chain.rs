//! [`Chain`]: the first of several sources that has something.

use std::{
    fmt,
    future::{Future, pending},
    pin::Pin,
    sync::{Arc, OnceLock},
};

use hallpass_core::{AnySource, Credential, CredentialSource, Description, Error, Fetch};

use crate::{absent::Absent, several::described};

/// Several places where a credential may be, asked in order until one has delivered.
///
/// A source that has nothing there, such as a variable that is not set or a file that does not exist,
/// leaves it to the next. One that is there and fails ends the chain with its error: a server that
/// is down, or refuses, is no reason to become somebody else. So once a source has delivered, it is
/// the only one that is asked. A source of your own says with [`ABSENT`] as its error's
/// [code](Error::code) that it has nothing there.
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
    sources: Vec<Arc<dyn AnySource>>,
    /// Who has delivered; clones of one chain agree on it.
    chosen: Arc<OnceLock<usize>>,
}

/// The [code](Error::code) of an error which says that there is nothing where a source looks: no
/// file, no variable, no metadata server. Only such an error moves a [`Chain`] on.
///
/// ```
/// use hallpass_core::Error;
/// use hallpass_oauth2::ABSENT;
///
/// let error = Error::permanent("this machine has no metadata server").with_code(ABSENT);
/// # let _ = error;
/// ```
pub const ABSENT: &str = "absent";

fn is_absent(error: &Error) -> bool {
    error.code() == Some(ABSENT) || Absent::is_behind(error)
}

impl Chain {
    /// Asks this source first.
    pub fn of(first: impl CredentialSource) -> Self {
        Self {
            sources: vec![Arc::new(first)],
            chosen: Arc::default(),
        }
    }

    /// Asks this source if there is nothing at those before it.
    #[must_use]
    pub fn or(mut self, next: impl CredentialSource) -> Self {
        self.sources.push(Arc::new(next));
        // Another chain now, in which nobody has delivered yet.
        self.chosen = Arc::default();
        self
    }

    fn chosen(&self) -> Option<&dyn AnySource> {
        let at = self.chosen.get()?;
        self.sources.get(*at).map(|source| &**source)
    }
}

impl CredentialSource for Chain {
    /// # Cancel safety
    /// That of the sources.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        if let Some(chosen) = self.chosen() {
            return chosen.fetch(why).await;
        }
        let mut last = None;
        for (at, source) in self.sources.iter().enumerate() {
            // The one before may have given it up.
            why.take_turn().await;
            match source.fetch(why).await {
                Ok(credential) => {
                    let _ = self.chosen.set(at);
                    return Ok(credential);
                }
                Err(error) if !is_absent(&error) => return Err(error),
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
            Some(error) if error.is_transient() => Error::transient(error).context(message),
            Some(error) => Error::permanent(error).context(message),
            None => Error::configuration(message),
        })
    }

    /// What the source that has delivered says. Before, the header is the first source's, where it
    /// goes is known if it is the same for all, each is as careful as any of them asks, and what
    /// any of them takes for a refusal is one.
    fn description(&self) -> Description {
        if let Some(chosen) = self.chosen() {
            return chosen.description();
        }
        let all = self.sources.iter().map(|source| source.description());
        let all: Vec<_> = all.collect();
        let chosen = Arc::clone(&self.chosen);
        let mut description = described(&all, move || chosen.get().copied());
        "chain".clone_into(&mut description.name);
        description
    }

    fn version(&self) -> u64 {
        self.sources
            .iter()
            .fold(0, |sum, source| sum.wrapping_add(source.version()))
    }

    fn keeps_state(&self) -> bool {
        self.sources.iter().any(|source| source.keeps_state())
    }

    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match self.chosen() {
            Some(chosen) => chosen.news(),
            None => Box::pin(pending()),
        }
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.sources.iter().map(|source| source.description().name);
        f.debug_list().entries(names).finish()
    }
}
