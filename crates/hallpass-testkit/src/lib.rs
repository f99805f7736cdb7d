#![doc = include_str!("../README.md")]
//!
//! # The server
//!
//! Requests travel over real TCP on a port that the system chooses. [`System`] says whose manners
//! the server has, [`Endpoint`] holds the switches, [`Journal`] tells what arrived.
//!
//! Any path that is not the token endpoint belongs to the API. It answers a request that carries a
//! live token with what [`Endpoint::route`] or [`Endpoint::route_with`] says, or with what it saw:
//!
//! ```json
//! {"path": "/orders", "method": "POST", "client": "client",
//!  "body_len": 3, "body_fnv1a64": "e71fa2190541574b", "n": 1}
//! ```
//!
//! `n` counts the API's requests and [`fnv1a64`] makes the digest. Paths under `/forbidden`
//! answer 403 to everybody.

mod answer;
mod api;
mod builder;
#[cfg(feature = "oauth2")]
mod calendar;
mod challenge;
mod client;
mod clock;
mod credentials;
mod digest;
mod endpoint;
mod exchange;
mod fault;
mod fields;
mod form;
mod goaway;
mod headers;
mod hold;
mod journal;
mod jwt;
mod listener;
mod lock;
mod malformed;
mod minting;
#[cfg(feature = "oauth2")]
mod pattern;
mod port;
mod possession;
mod proof;
mod rate;
mod refusal;
mod relay;
mod routes;
mod script;
mod scripted;
mod server;
#[cfg(feature = "oauth2")]
mod shape;
mod shared;
mod store;
mod system;
#[cfg(feature = "tls")]
mod tls;
mod token;
mod traffic;

pub use builder::Builder;
pub use challenge::Challenge;
pub use client::{BasicEncoding, Client, Role};
pub use clock::ManualClock;
pub use digest::fnv1a64;
pub use endpoint::Endpoint;
pub use headers::RetryAfter;
pub use hold::Hold;
pub use journal::{Entry, JOURNAL_BODY_LIMIT, Journal, Kind};
pub use malformed::Malformed;
pub use minting::{ExpiresIn, Reissue, TokenFormat};
pub use port::ClosedPort;
pub use proof::Proof;
pub use relay::{LinkFault, Relay};
pub use routes::RouteAnswer;
#[cfg(feature = "oauth2")]
pub use scripted::ScriptedTransport;
pub use scripted::{ScriptedApi, ScriptedSource};
pub use server::Server;
pub use system::System;
