//! What most programs name: `use hallpass::prelude::*;`.
//!
//! It has no modules, so that `tower`, `hyper`, `reqwest` and `tonic` stay the crates of these
//! names, and no `Error`, so that yours stays yours.
//!
//! ```
//! use hallpass::prelude::*;
//!
//! fn key() -> Result<Cached, hallpass::Error> {
//!     Ok(Cached::new(Credential::bearer("a-key")?.never_expires()))
//! }
//! # key().unwrap();
//! ```

#[doc(no_inline)]
pub use crate::{Authorizer, Cached, Credential, CredentialSource, Fetch, Keyed, NoCredential};

#[cfg(feature = "oauth2")]
#[doc(no_inline)]
pub use crate::{ClientCredentials, Profile, Secret, TokenSource};

#[cfg(feature = "tower")]
#[doc(no_inline)]
pub use crate::BearerLayer;
