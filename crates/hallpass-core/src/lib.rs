#![doc = include_str!("../README.md")]
//!
//! # How it works
//!
//! ```text
//!  caller ──▶ Cached::get ── fresh? one lock-free load
//!                │ due, ended or rejected: exactly one fetch, however many callers
//!                ▼
//!          CredentialSource ── a token endpoint, a file, a vault, yours
//! ```
//!
//! A [`CredentialSource`] says how a [`Credential`] is had; [`Cached`] decides when, keeps it,
//! renews it ahead of its end, and replaces it when a server refuses it. An [`Authorizer`] says
//! where it may go and what refuses it; [`adapter`] is the protocol around one request that every
//! client stack shares: attach, judge the answer, renew and send again.
//!
//! [How the engine decides](docs::engine) says what each event does to the credential, the request
//! and all other callers; [Runtimes](docs::runtimes) says where a fetch runs, and
//! [Many credentials](docs::keyed) how a [`Keyed`] keeps one for each key.
//!
//! # Reading order
//!
//! After the documentation of [`Credential`] and [`Cached`], about 1,800 lines of code tell how it
//! works. A newcomer reads them in this order:
//!
//! 1. `source.rs` and `fetch.rs`: the one trait that users implement, and what it is told.
//! 2. `cached/state.rs`, and of its parts `cached/state/wanted.rs`, `cached/state/events.rs` and
//!    `cached/state/landing.rs`: what a caller, an answer and the end of a fetch change.
//! 3. `verdict.rs`: what an answer means.
//! 4. `adapter/exchange.rs` with `adapter/exchange/attach.rs` and `adapter/exchange/judge.rs`: one
//!    request's way through an adapter.
//!
//! How a caller waits, the task of a fetch, where a credential may go and the parser of challenges
//! can be looked up when they are needed.

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
compile_error!(
    "hallpass-core needs a tokio runtime with timers, which a browser does not have: let a server fetch the token"
);

pub mod adapter;
mod binding;
pub mod cached;
mod challenge;
mod clock;
mod credential;
pub mod docs;
mod error;
mod fetch;
mod identity;
mod kept_key;
pub mod keyed;
pub mod observe;
mod origin;
mod proof;
mod retry_after;
mod sharded;
mod source;
mod stats;
mod target;
mod verdict;

pub use self::{
    adapter::{
        attempt::{Attempt, Resend},
        authorizer::Authorizer,
        choices::{Choices, NoCredential},
        demand::{Demand, DemandKind},
    },
    cached::{Cached, Get, Policy, Rejection, Stats},
    challenge::{Challenge, Challenges},
    clock::{Clock, Moment, SystemClock},
    credential::Credential,
    error::{BoxError, Error},
    fetch::{Fetch, Reason},
    identity::{Identified, Identity},
    kept_key::{HeldKey, KeptKey, ReadKey},
    keyed::{Keyed, KeyedStats, RequestHead},
    origin::Origin,
    proof::Proof,
    retry_after::retry_after,
    source::{AnySource, CredentialSource, Description},
    verdict::Rejected,
};
