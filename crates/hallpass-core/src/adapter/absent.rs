//! [`Absent`]: stands where settings name no source.

use crate::{Credential, CredentialSource, Description, Error, Fetch};

/// A source that has nothing. No request asks it; one may only look at its description.
pub(super) struct Absent;

impl CredentialSource for Absent {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        Err(Error::configuration("no credential is configured"))
    }

    fn description(&self) -> Description {
        Description {
            name: "none".to_owned(),
            ..Description::default()
        }
    }
}
