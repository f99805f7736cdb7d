#![cfg_attr(
    all(feature = "hyper", feature = "reqwest", feature = "tonic", feature = "tower"),
    doc = include_str!("../README.md")
)]
//!
//! # What is where
//!
//! | to | use |
//! |---|---|
//! | get tokens from an OAuth 2.0 token endpoint | `ClientCredentials` |
//! | use a vendor that is known already, or describe one | `Profile` |
//! | use another grant | `oauth2::RefreshToken`, `oauth2::JwtBearer`, `oauth2::TokenExchange` |
//! | sign a client's assertion | `Key` |
//! | use a token without an endpoint | `Basic`, `Static`, `oauth2::Token`, `oauth2::TokenFile`, `oauth2::Chain` |
//! | bring credentials of your own | [`CredentialSource`] |
//! | keep one credential fresh for several clients | [`Cached`] |
//! | put it on every request of a tower stack | `BearerLayer` |
//! | send requests with hyper | `hyper::client` |
//! | put it on every request of a reqwest client | `reqwest::Bearer` |
//! | put it on every call of a tonic client | `tonic::bearer` |
//!
//! # Features
//!
//! Each only adds items, and brings what it needs.
//!
//! | feature | default | adds | brings |
//! |---|---|---|---|
//! | `oauth2` | yes | `oauth2`, `ClientCredentials`, `Profile`, `Secret`… | |
//! | `tower` | yes | `tower`, `BearerLayer`, `BearerService` | |
//! | `hyper` | yes | `hyper`: a transport for token endpoints, and a client | `oauth2` |
//! | `reqwest` | | `reqwest`: a middleware for reqwest, and a transport | `oauth2` |
//! | `tonic` | | `tonic`: a channel for generated clients | |
//! | `exec` | | `oauth2::Exec`: credentials that a program prints | `oauth2` |
//! | `encrypted-keys` | | private keys under a password | `oauth2` |
//!
//! The crates of those names that an application has itself are `::reqwest`, `::tonic` and so on
//! where the modules of this one are imported by name.

/// The engine's crate, whole.
pub use hallpass_core as core;
#[doc(inline)]
pub use hallpass_core::{
    Attempt, Authorizer, BoxError, Cached, Challenge, Challenges, Choices, Clock, Credential,
    CredentialSource, Demand, DemandKind, Description, Error, Fetch, Moment, NoCredential, Origin,
    Policy, Proof, Reason, Rejected, Rejection, Resend, Stats, SystemClock,
};

/// Token endpoints, whole.
#[cfg(feature = "oauth2")]
pub use hallpass_oauth2 as oauth2;
#[cfg(feature = "oauth2")]
#[doc(inline)]
pub use hallpass_oauth2::{Basic, ClientCredentials, Key, Profile, Secret, Static, TokenSource};

/// The tower layer, whole.
#[cfg(feature = "tower")]
pub use hallpass_tower as tower;
#[cfg(feature = "tower")]
#[doc(inline)]
pub use hallpass_tower::{BearerLayer, BearerService};

/// A transport for token endpoints and a ready client on hyper-util and rustls.
#[cfg(feature = "hyper")]
pub use hallpass_hyper as hyper;

/// The middleware for reqwest, and a transport for token endpoints on it.
#[cfg(feature = "reqwest")]
pub use hallpass_reqwest as reqwest;

/// The channel for tonic's generated clients.
#[cfg(feature = "tonic")]
pub use hallpass_tonic as tonic;
