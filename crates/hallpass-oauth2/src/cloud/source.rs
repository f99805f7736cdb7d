//! [`CloudSource`]: what the constructors of this module build.

use std::{fmt, sync::Arc};

use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch};

use super::metadata::MetadataSource;
use crate::{Composed, TokenSource, absent::Absent};

/// The identity that a platform gives a process, as a source. Cheap to clone.
#[derive(Clone)]
pub struct CloudSource {
    steps: Steps,
}

#[derive(Clone)]
enum Steps {
    One(TokenSource),
    Composed(Composed),
    Metadata(Arc<MetadataSource>),
    /// The platform is not there.
    Missing {
        name: &'static str,
        what: Arc<str>,
    },
}

impl CloudSource {
    /// A source that says what is missing, so that a chain can go on.
    pub(super) fn missing(name: &'static str, what: impl Into<Arc<str>>) -> Self {
        let what = what.into();
        Self {
            steps: Steps::Missing { name, what },
        }
    }
}

impl From<TokenSource> for CloudSource {
    fn from(source: TokenSource) -> Self {
        Self {
            steps: Steps::One(source),
        }
    }
}

impl From<Composed> for CloudSource {
    fn from(source: Composed) -> Self {
        Self {
            steps: Steps::Composed(source),
        }
    }
}

impl From<MetadataSource> for CloudSource {
    fn from(source: MetadataSource) -> Self {
        Self {
            steps: Steps::Metadata(Arc::new(source)),
        }
    }
}

impl CredentialSource for CloudSource {
    /// # Cancel safety
    /// Nothing is lost but the time.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        match &self.steps {
            Steps::One(source) => source.fetch(why).await,
            Steps::Composed(source) => source.fetch(why).await,
            Steps::Metadata(source) => source.fetch(why).await,
            Steps::Missing { what, .. } => {
                Err(Absent::for_good("nothing was sent").context(what.to_string()))
            }
        }
    }

    fn description(&self) -> Description {
        match &self.steps {
            Steps::One(source) => source.description(),
            Steps::Composed(source) => source.description(),
            Steps::Metadata(source) => source.description(),
            Steps::Missing { name, .. } => {
                let mut description = Description::default();
                (*name).clone_into(&mut description.name);
                description
            }
        }
    }

    fn version(&self) -> u64 {
        match &self.steps {
            Steps::One(source) => source.version(),
            Steps::Composed(source) => source.version(),
            Steps::Metadata(source) => source.version(),
            Steps::Missing { .. } => 0,
        }
    }

    fn keeps_state(&self) -> bool {
        match &self.steps {
            Steps::One(source) => source.keeps_state(),
            Steps::Composed(source) => source.keeps_state(),
            Steps::Metadata(source) => source.keeps_state(),
            Steps::Missing { .. } => false,
        }
    }
}

impl fmt::Debug for CloudSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudSource")
            .field("name", &self.description().name)
            .finish_non_exhaustive()
    }
}
