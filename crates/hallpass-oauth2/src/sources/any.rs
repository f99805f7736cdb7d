//! [`AnySource`]: a source behind a pointer, so that what holds it has no type parameter.

use std::{future::Future, pin::Pin};

use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch};

pub(crate) trait AnySource: Send + Sync {
    fn fetch<'a>(
        &'a self,
        why: &'a Fetch,
    ) -> Pin<Box<dyn Future<Output = Result<Credential, Error>> + Send + 'a>>;

    fn description(&self) -> Description;

    fn version(&self) -> u64;

    fn keeps_state(&self) -> bool;

    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

impl<S: CredentialSource> AnySource for S {
    fn fetch<'a>(
        &'a self,
        why: &'a Fetch,
    ) -> Pin<Box<dyn Future<Output = Result<Credential, Error>> + Send + 'a>> {
        Box::pin(CredentialSource::fetch(self, why))
    }

    fn description(&self) -> Description {
        CredentialSource::description(self)
    }

    fn version(&self) -> u64 {
        CredentialSource::version(self)
    }

    fn keeps_state(&self) -> bool {
        CredentialSource::keeps_state(self)
    }

    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        CredentialSource::news(self)
    }
}
