#![doc = include_str!("../README.md")]
//!
//! # What it needs
//!
//! Redis 6.2 or newer, and Valkey. Each operation is one script on one hash, sent with `EVAL` so that
//! a server which was restarted or replaced needs nothing loaded first. One connection carries all
//! operations of a process, and a second one the news of publications once somebody waits for them.
//! A connection that breaks, or lets three operations in a row wait in vain, is replaced at the next
//! one. How to run a fleet, and what each outage costs, says
//! [`hallpass_shared::docs::fleet`].
//!
//! # What the user of the store may do
//!
//! An ACL for it: `~hallpass:* &hallpass:* +eval +time +hmget +hset +hdel +pttl +pexpireat +publish
//! +subscribe +ping`. Without `+publish` or `+subscribe` the others are polled.
//!
//! # What the server has to be
//!
//! Nothing needs to survive a restart. A policy that evicts (`allkeys-lru`) costs a token request for
//! each entry that goes; `noeviction` on a full server makes each process fetch for itself. In a
//! group with replicas, a failover may lose the last publication, which costs one token request.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `tls` | `rediss://`, by rustls with *ring* and the system's certificates; sets *ring* as the process's provider if none is set |
//! | `cluster` | `RedisStore::cluster`, and `with_cluster` for passwords and certificates of its own |
//! | `sentinel` | `RedisStore::sentinel`, and `with_sentinel` for the same |

mod listener;
mod place;
mod reply;
mod script;
mod store;

pub use store::RedisStore;
