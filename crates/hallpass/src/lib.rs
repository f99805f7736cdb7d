#![cfg_attr(
    all(
        feature = "config",
        feature = "redis",
        feature = "reqwest-without-tls",
        feature = "tonic",
        feature = "tower"
    ),
    doc = include_str!("../README.md"),
    doc = include_str!("../docs/what_is_where.md")
)]
#![doc = include_str!("../docs/features.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(doc, doctest))]
#[cfg(all(
    feature = "config",
    feature = "hyper",
    feature = "metrics",
    feature = "redis",
    feature = "reqwest-without-tls",
    feature = "tonic",
    feature = "tower"
))]
pub mod guide;
pub mod prelude;

/// The engine: all of the crate `hallpass-core`.
#[doc(inline)]
pub use hallpass_core as core;
#[doc(inline)]
pub use hallpass_core::{
    Attempt, Authorizer, BoxError, Cached, Challenge, Challenges, Choices, Clock, Credential,
    CredentialSource, Demand, DemandKind, Description, Error, Fetch, Identified, Identity, Keyed,
    KeyedStats, Moment, NoCredential, Origin, Policy, Proof, Reason, Rejected, Rejection,
    RequestHead, Resend, Stats, SystemClock,
};

/// Token endpoints, vendors, and sources without an endpoint: all of `hallpass-oauth2`.
#[cfg(feature = "oauth2")]
#[doc(inline)]
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

/// The layer: all of `hallpass-tower`.
#[cfg(feature = "tower")]
#[doc(inline)]
pub use hallpass_tower as tower;
#[cfg(feature = "tower")]
#[doc(inline)]
pub use hallpass_tower::{BearerLayer, BearerService};

/// A transport for token endpoints and a ready client on hyper-util and rustls.
#[cfg(feature = "hyper")]
#[doc(inline)]
pub use hallpass_hyper as hyper;

/// The middleware for reqwest, and a transport for token endpoints on it.
#[cfg(feature = "reqwest-without-tls")]
#[doc(inline)]
pub use hallpass_reqwest as reqwest;

/// The channel for tonic's generated clients.
#[cfg(feature = "tonic")]
#[doc(inline)]
pub use hallpass_tonic as tonic;

/// One credential for the processes of a fleet, by way of a store that they share.
#[cfg(feature = "shared")]
#[doc(inline)]
pub use hallpass_shared as shared;

/// Metrics of all credentials through the facade of the crate `metrics`.
#[cfg(feature = "metrics")]
#[doc(inline)]
pub use hallpass_metrics as metrics;

/// Metrics of all credentials through the API of OpenTelemetry.
#[cfg(feature = "opentelemetry")]
#[doc(inline)]
pub use hallpass_opentelemetry as opentelemetry;

/// The store on Redis for [`shared`].
#[cfg(feature = "redis")]
#[doc(inline)]
pub use hallpass_redis as redis;
