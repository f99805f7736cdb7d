//! Where the token of such a source goes.

use hallpass_core::{Credential, Description, Error};
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use crate::{plan, profile::BEARER};

/// What each source says of itself, set in the same words. `$default` is its name unless set.
macro_rules! described {
    ($source:ident, $($description:ident).+, $default:literal) => {
        impl $source {
            #[doc = concat!("How it is called in events and messages; `", $default, "` unless set.")]
            #[must_use]
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.$($description).+.name = name.into();
                self
            }

            /// The origins that it is for.
            ///
            /// # Errors
            /// If one is not an origin, such as `https://api.example.com`.
            pub fn origins<I>(mut self, origins: I) -> Result<Self, Error>
            where
                I: IntoIterator<Item: Into<String>>,
            {
                self.$($description).+.origins = Some(crate::plan::origins(origins)?);
                Ok(self)
            }
        }
    };
}
pub(super) use described;

/// Where the token of a source goes, for those that leave it to the caller.
macro_rules! attached {
    ($source:ident) => {
        impl $source {
            /// Sends the token in this header, in this form: `Bearer {token}` in `Authorization`
            /// unless set.
            ///
            /// # Errors
            /// If the name is not a header's, or there is no `{token}` in the form.
            pub fn attach(mut self, header: &str, form: impl Into<String>) -> Result<Self, Error> {
                self.placed.attach(header, form.into())?;
                Ok(self)
            }
        }
    };
}
pub(super) use attached;

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

    pub(super) fn credential(&self, token: &str) -> Result<Credential, Error> {
        let header = &self.description.header;
        if *header == AUTHORIZATION && self.form == BEARER {
            return Credential::bearer(token);
        }
        let value = Zeroizing::new(self.form.replace("{token}", token));
        Credential::header(header.clone(), &value)
    }
}
