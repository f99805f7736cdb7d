#![doc = include_str!("../README.md")]
//!
//! # How it works
//!
//! ```text
//! Request<B> ──▶ BearerService ──▶ inner: Service<Request<ReplayBody<B>>>
//!                  │   ▲ 401 / grpc-status 16: a new credential, and this request once more
//!                  ▼   │
//!                hallpass_core::Cached
//! ```
//!
//! # Where in the stack
//!
//! Below a retry layer and a total timeout, so that a retried request gets a fresh credential and
//! the wait for one counts; above connection pools. Below a redirect follower: there each hop is
//! judged by itself, and the credential never goes to another origin. Above one it is the follower
//! that has to drop the headers, which most do for `Authorization` and for no other name. There a
//! 401 may come from a later hop than the one that did the work, so that only safe methods are sent
//! again; that is known of tower-http's follower, and of what puts an
//! [`AnsweredBy`](hallpass_core::adapter::AnsweredBy) into its responses.
//!
//! A credential with a proof of possession (`DPoP`) has to stand below retry layers: each sending takes
//! a proof of its own, which a layer below can only make with the
//! [`FreshProof`](hallpass_core::adapter::FreshProof) among the request's extensions.
//!
//! Below a layer that completes URIs, or with [`at`](BearerLayer::at): a request without an authority
//! is refused, because nothing tells where the credential would go.
//!
//! # The body's type
//!
//! | form | the inner service gets | replayed |
//! |---|---|---|
//! | [`BearerLayer::new`] | `ReplayBody<B>`, at no cost | bytes in memory, and what streams up to the limit |
//! | [`keeping_type`](BearerLayer::keeping_type) | `B`, made of its bytes, and gathered before | the same |
//! | [`keeping_type_with`](BearerLayer::keeping_type_with) | `B`, made by a function, and streamed | the same |
//! | [`without_replay`](BearerLayer::without_replay) | `B`, as it came | nothing |
//!
//! [`boxed`](BearerLayer::boxed) makes the error a [`BoxError`](hallpass_core::BoxError); the two forms
//! that keep the type do so by themselves, and take inner services that can't be cloned.
//!
//! # Readiness
//!
//! A request that waits for a credential holds nothing: the inner service that was polled ready is
//! dropped, and a clone is polled ready after the wait. What that says then, such as a `LoadShed`
//! that sheds, is the caller's error. [`hold_ready`](BearerLayer::hold_ready) is the other way.
//!
//! A request that is sent again needs the inner service to become ready once more. A caller who
//! polls one clone ready ahead, for its next call, while it still waits for an answer holds a permit
//! that this may need: over a limit of one, neither gets on. Call what is ready, or drop it.
//!
//! # Clones of the inner service
//!
//! A request that is sent at once and never refused clones no service: one clone for each of a few
//! groups of threads is made at the first request and kept. A boxed stack, whose clones are deep,
//! pays for more only where a request waits or is sent again.
#![doc = include_str!("../docs/clients.md")]

mod boxed;
mod call;
mod future;
pub mod grpc;
mod head;
mod keeping_layer;
mod layer;
mod mode;
mod pause;
mod peek;
mod peeking_layer;
mod rebuild;
mod replay_body;
mod replay_service;
mod service;
mod shared_service;

pub use hallpass_core::adapter::CallError as Error;

#[doc(hidden)]
pub use self::replay_body::Original;

pub use self::{
    boxed::{Boxed, BoxedFuture, BoxedLayer},
    future::ResponseFuture,
    keeping_layer::KeepingLayer,
    layer::BearerLayer,
    mode::{Mode, Replay, WithoutReplay},
    peek::{Peek, PeekFuture, PeekedBody},
    peeking_layer::PeekingLayer,
    rebuild::{GATHER_LIMIT, Gather, Rebuild, RebuildFuture, WrapWith},
    replay_body::{REPLAY_LIMIT, ReplayBody},
    service::BearerService,
};
