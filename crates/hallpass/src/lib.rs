#![doc = include_str!("../README.md")]
//!
//! # What is where
//!
//! | to | use |
//! |---|---|
//! | get tokens from an OAuth 2.0 token endpoint | [`ClientCredentials`] |
//! | use a vendor that is known already, or describe one | [`Profile`] |
//! | bring credentials of your own | [`CredentialSource`] |
//! | keep one credential fresh for several clients | [`Cached`] |
//! | put it on every request of a tower stack | [`BearerLayer`] |
//! | send requests with hyper | [`hyper::client`] |
//!
//! # Features
//!
//! `tower`, `oauth2` and `hyper` are on by default. Each only adds items.

/// The engine's crate, whole.
pub use hallpass_core as core;
#[doc(no_inline)]
pub use hallpass_core::{
    Attempt, Authorizer, BoxError, Cached, Challenge, Challenges, Clock, Credential,
    CredentialSource, Description, Error, Exchange, Fetch, Moment, Next, NoCredential, Origin,
    Origins, Policy, Reason, Rejection, Stats, SystemClock, Verdict,
};

#[cfg(feature = "oauth2")]
/// Token endpoints, whole.
pub use hallpass_oauth2 as oauth2;
#[cfg(feature = "oauth2")]
#[doc(no_inline)]
pub use hallpass_oauth2::{Basic, ClientCredentials, Profile, Secret, Static, TokenSource};

#[cfg(feature = "tower")]
/// The tower layer, whole.
pub use hallpass_tower as tower;
#[cfg(feature = "tower")]
#[doc(no_inline)]
pub use hallpass_tower::{BearerLayer, BearerService};

#[cfg(feature = "hyper")]
/// A transport for token endpoints and a ready client on hyper-util and rustls.
pub use hallpass_hyper as hyper;
