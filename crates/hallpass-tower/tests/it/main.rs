//! The tests of what this crate offers, in one binary.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod attach;
mod attempt;
mod cancel;
mod common;
mod compose;
mod counted;
mod drain;
mod early_answer;
mod keeping_type;
mod optional;
mod origins;
mod peek;
mod per_request;
mod proofs;
mod readiness;
mod redirects;
mod renew;
mod replay_body;
mod replay_clone;
mod storm;
mod types;
mod waiting;
