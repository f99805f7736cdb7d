//! What only adapters need: the door through which every client stack takes its requests.
//!
//! An adapter puts credentials on the requests of one client library. What may go where, what an
//! answer means, and when a request is sent again is decided here, in one order for all of them:
//!
//! ```text
//! Authorizer::admit ──▶ Pass: send it as it is; its answer is none of ours
//!                   ├─▶ Refuse: send nothing
//!                   └─▶ Carry(Exchange)
//!                          │ attach ──▶ Yes ───────────────────────┐
//!                          │      ├───▶ LeftAlone: as Pass         │
//!                          │      └───▶ NoneInHand ▶ acquire ▶ attach_acquired
//!                          ▼                                       ▼
//!         report ◀── Next::Return ◀── answered ◀─────────────── the client sends
//!                                       │ Again, Renew                 ▲
//!                                       └──────▶ attach_again ─────────┘
//! ```
//!
//! [`Authorizer::run`] is all of it for a request that can be cloned and a function that sends one.
//! Adapters that can't use it, such as those with futures of their own, drive the [`Exchange`].
//!
//! A credential that is bound to a key takes a proof with each sending, for method and target as the
//! adapter gives them; [`offer_proofs`](Exchange::offer_proofs) puts a [`FreshProof`] into the
//! extensions of a request that something below may send again by itself.
#![doc = include_str!("../docs/closed.md")]

mod absent;
mod admission;
mod answer;
pub(crate) mod attempt;
pub(crate) mod authorizer;
mod bound;
pub(crate) mod choices;
pub(crate) mod demand;
mod drain;
mod error;
mod evidence;
pub(crate) mod exchange;
mod fresh_connection;
mod fresh_proof;
mod own;
mod patience;
mod place;
mod renewal;
mod run;
mod send_once;
mod setters;
mod snapshot;
mod withheld;

#[doc(hidden)]
pub use http::{HeaderMap, StatusCode};

#[doc(inline)]
pub use crate::__adapter_setters as setters;
pub use crate::{
    sharded::Sharded,
    target::Target,
    verdict::{Verdict, verdict},
};

pub use self::{
    admission::Admission,
    answer::{Answer, AnsweredBy, Hop, Processed},
    drain::{Drain, can_be_drained, is_event_stream},
    error::CallError,
    evidence::Evidence,
    exchange::{Attached, Exchange, Next},
    fresh_connection::FreshConnection,
    fresh_proof::FreshProof,
    patience::Patience,
    renewal::{Acquire, Acquired, Renewal},
    send_once::SendOnce,
    snapshot::Snapshot,
    withheld::Withheld,
};

// What users meet as well stands at the crate's root.
use self::{
    attempt::{Attempt, Resend},
    authorizer::Authorizer,
    demand::Demand,
};
