#![doc = include_str!("../README.md")]
//!
//! # What it needs
//!
//! PostgreSQL 13 or newer. [`SCHEMA`] has to be run once, by whoever may create tables and functions;
//! the store itself needs to execute them. Each operation is one call of a function, which takes an
//! advisory lock on the name for as long as it runs; publications are told with `NOTIFY`, and one
//! connection carries all of a process. A pooler in transaction mode can't pass `LISTEN` on: others
//! are polled then.
//!
//! How to run a fleet, and what each outage costs, says [`hallpass_shared::docs::fleet`].

mod connection;
mod store;

pub use store::PostgresStore;

/// The table and the functions, to be run once. Running it again changes nothing.
pub const SCHEMA: &str = include_str!("schema.sql");
