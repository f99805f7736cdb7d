//! From a [`Profile`] to a builder.

use super::TokenRequest;
use crate::{Profile, Secret};

impl Profile {
    /// A builder with everything from the profile, for this client. What is wrong with the
    /// profile's variables, [`build`](TokenRequest::build) says.
    pub fn client(&self, id: impl Into<Secret>, secret: impl Into<Secret>) -> TokenRequest {
        TokenRequest::of(self.clone()).client(id, secret)
    }
}

impl From<Profile> for TokenRequest {
    /// A builder that still has to learn who asks: by [`client`](TokenRequest::client), by another
    /// way to authenticate, or by what the grant brings.
    fn from(profile: Profile) -> Self {
        Self::of(profile)
    }
}
