#![cfg_attr(
    all(feature = "config", feature = "redis", feature = "reqwest", feature = "tonic", feature = "tower"),
    doc = include_str!("../README.md")
)]
//!
//! # What is where
//!
//! | to | use |
//! |---|---|
//! | get tokens from an OAuth 2.0 token endpoint | `ClientCredentials` |
//! | use a vendor whose profile ships with Hallpass, or describe one | `Profile` |
//! | use another grant | `oauth2::RefreshToken`, `oauth2::JwtBearer`, `oauth2::TokenExchange`, `oauth2::Password` |
//! | sign a client's assertion | `Key` |
//! | read clients by name from a file or the environment | `Clients`, `config` |
//! | have tokens that are bound to a key, or to the client's certificate | `Dpop`, `oauth2::docs::dpop` |
//! | use the identity that a cloud gives the process | `oauth2::cloud` |
//! | use a token without an endpoint | `Basic`, `Static`, `oauth2::Token`, `oauth2::TokenFile`, `oauth2::SelfSigned` |
//! | use the first of several sources that has a token | `oauth2::Chain` |
//! | find the token endpoint through its issuer | `oauth2::Discovery` |
//! | find the issuer through the API that the token is for, as MCP does | `oauth2::Protected` |
//! | get credentials from anywhere else | [`CredentialSource`] |
//! | keep one credential fresh for several clients | [`Cached`] |
//! | keep one for each tenant, role or scope | [`Keyed`] |
//! | put it on every request of a tower stack | `BearerLayer` |
//! | send requests with hyper | `hyper::client` |
//! | put it on every request of a reqwest client | `reqwest::Bearer` |
//! | put it on every call of a tonic client | `tonic::bearer` |
//! | put it on the requests of rmcp, an MCP client | the crate `hallpass-rmcp` |
//! | put it on those of kube, octocrab, `etcd-client`, `opentelemetry-otlp`, `object_store`… | the pages of `tower`, `tonic` and [`core::adapter`] |
//! | put it on the requests of any other client | [`Authorizer::run`] |
//! | choose another credential, or none, for one request | [`Choices`], [`NoCredential`] |
//! | share one credential among the processes of a fleet | `shared::Shared`, `redis::RedisStore` |
//! | see what the credential did for a request, and in all | [`Attempt`], [`Stats`] |
//! | test what is built on it | the crate `hallpass-testkit` |
//! | use it in a shell, or for a program that can't | the crate `hallpass-cli` |
//!
//! # Features
//!
//! Each feature only adds items. It enables the features that it needs.
//!
//! | feature | default | adds | enables |
//! |---|---|---|---|
//! | `oauth2` | yes | `oauth2`, `ClientCredentials`, `Profile`, `Secret`… | |
//! | `tower` | yes | `tower`, `BearerLayer`, `BearerService` | |
//! | `hyper` | yes | `hyper`: a transport for token endpoints, and a client | `oauth2` |
//! | `reqwest` | | `reqwest`: a middleware for reqwest, and a transport | `oauth2` |
//! | `tonic` | | `tonic`: a channel for generated clients | |
//! | `shared` | | `shared`: one credential for a fleet, sealed in a store | |
//! | `redis` | | `redis`: that store on Redis | `shared` |
//! | `config` | | `Clients`: clients by name, from a file or the environment | `hyper` |
//! | `exec` | | `oauth2::Exec`: credentials that a program prints | `oauth2` |
//! | `encrypted-keys` | | private keys under a password | `oauth2` |
//!
//! The modules `redis`, `reqwest`, `tonic`, `tower` and `hyper` have the names of well-known crates. Where a
//! program imports such a module by name, it can still write `::reqwest` for the crate.

/// All of `hallpass-core`, the engine.
pub use hallpass_core as core;
#[doc(inline)]
pub use hallpass_core::{
    Attempt, Authorizer, BoxError, Cached, Challenge, Challenges, Choices, Clock, Credential,
    CredentialSource, Demand, DemandKind, Description, Error, Fetch, Identified, Identity, Keyed,
    KeyedStats, Moment, NoCredential, Origin, Policy, Proof, Reason, Rejected, Rejection,
    RequestHead, Resend, Stats, SystemClock,
};

/// All of `hallpass-oauth2`: token endpoints, vendors, and sources without an endpoint.
#[cfg(feature = "oauth2")]
pub use hallpass_oauth2 as oauth2;
#[cfg(feature = "oauth2")]
#[doc(inline)]
pub use hallpass_oauth2::{
    Basic, ClientCredentials, Dpop, Key, Profile, Secret, Static, TokenSource,
};

#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "config")]
#[doc(inline)]
pub use self::config::Clients;

/// All of `hallpass-tower`, the layer.
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

/// One credential for the processes of a fleet, by way of a store that they share.
#[cfg(feature = "shared")]
pub use hallpass_shared as shared;

/// The store on Redis for [`shared`].
#[cfg(feature = "redis")]
pub use hallpass_redis as redis;
