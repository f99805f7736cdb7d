//! [`CloudSource`]: what the constructors of this module build.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use hallpass_core::{AnySource, Credential, CredentialSource, Description, Error, Fetch};

use crate::absent::Absent;

/// The identity that a platform gives a process, as a source. Cheap to clone.
#[derive(Clone)]
pub struct CloudSource {
    steps: Arc<dyn AnySource>,
}

impl CloudSource {
    pub(super) fn of(steps: impl CredentialSource) -> Self {
        Self {
            steps: Arc::new(steps),
        }
    }

    /// A source that says what is missing, so that a chain can go on.
    pub(super) fn missing(name: &'static str, what: String) -> Self {
        Self::of(Missing { name, what })
    }
}

impl CredentialSource for CloudSource {
    /// # Cancel safety
    /// Nothing is lost but the time.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        self.steps.fetch(why).await
    }

    fn description(&self) -> Description {
        self.steps.description()
    }

    fn version(&self) -> u64 {
        self.steps.version()
    }

    fn keeps_state(&self) -> bool {
        self.steps.keeps_state()
    }

    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.steps.news()
    }
}

impl fmt::Debug for CloudSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudSource")
            .field("name", &self.steps.description().name)
            .finish_non_exhaustive()
    }
}

/// The platform is not there.
struct Missing {
    name: &'static str,
    what: String,
}

impl CredentialSource for Missing {
    async fn fetch(&self, _: &Fetch) -> Result<Credential, Error> {
        Err(Absent::for_good("nothing was sent").context(self.what.clone()))
    }

    fn description(&self) -> Description {
        let mut description = Description::default();
        self.name.clone_into(&mut description.name);
        description
    }
}
