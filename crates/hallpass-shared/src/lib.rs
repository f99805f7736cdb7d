#![doc = include_str!("../README.md")]
//!
//! # How it works
//!
//! ```text
//!  Cached ── due, ended or refused ──▶ Shared ── lease ──▶ Store (Redis, PostgreSQL, memory)
//!                                        │  ▲                │
//!                                        │  └── newer entry ─┘  taken over, no token request
//!                                        ▼ granted
//!                               the source it decorates ──▶ publish, under the lease's fence
//! ```
//!
//! [`Shared`] decorates any [`CredentialSource`](hallpass_core::CredentialSource). It runs inside a
//! fetch and nowhere else, so a request with a fresh credential costs what it cost before. Entries are
//! [sealed](Keys): a store sees digests and ciphertext. [`docs::fleet`] says how to run a fleet,
//! and what each outage costs.

mod breaker;
mod common;
#[cfg(feature = "contract")]
pub mod contract;
pub mod docs;
mod entry;
mod fetch;
mod hold;
mod keys;
mod known;
pub mod link;
mod memory;
mod name;
mod news;
mod news_of;
mod open;
mod seal;
mod shared;
mod shared_store;
mod slot;
mod stats;
pub mod store;
mod wanted;

pub use self::{
    keys::{KEY_LEN, Key, Keys},
    memory::MemoryStore,
    name::Name,
    news::News,
    shared::{LEASE_TERM, Named, Shared, WAIT_LIMIT},
    shared_store::{OPERATION_DEADLINE, SharedStore},
    slot::Slot,
    stats::SharedStats,
    store::Store,
};
