//! Where the token of such a source goes.

use hallpass_core::{Credential, Description, Error};
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use crate::{plan, profile::BEARER};

/// Name, header and origins of a source, and the form that a token takes in its header.
#[derive(Clone)]
pub(super) struct Placed {
    pub(super) description: Description,
    form: String,
}

impl Placed {
    /// `Authorization: Bearer <token>`.
    pub(super) fn bearer(name: &str) -> Self {
        let mut description = Description::default();
        name.clone_into(&mut description.name);
        Self {
            description,
            form: BEARER.to_owned(),
        }
    }

    pub(super) fn attach(&mut self, header: &str, form: String) -> Result<(), Error> {
        if !form.contains("{token}") {
            return Err(Error::configuration(
                "the form of the API's header has no {token} in it",
            ));
        }
        self.description.header = plan::header_name(header)?;
        self.form = form;
        Ok(())
    }

    pub(super) fn origins<I>(&mut self, origins: I) -> Result<(), Error>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.description.origins = Some(plan::origins(origins)?);
        Ok(())
    }

    pub(super) fn credential(&self, token: &str) -> Result<Credential, Error> {
        let header = &self.description.header;
        if *header == AUTHORIZATION && self.form == BEARER {
            return Credential::bearer(token);
        }
        let value = Zeroizing::new(self.form.replace("{token}", token));
        Credential::header(header.clone(), &value)
    }
}
