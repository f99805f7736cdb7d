//! The tests of what this crate offers, in one binary. Those beside this folder need a process of
//! their own.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod abuse;
mod bounds;
mod certificates;
mod challenges;
mod common;
mod drain;
mod error_text;
mod evidence;
mod exchange;
mod failure;
mod freshness;
mod header_set;
mod kept_warm;
mod keyed;
mod keyed_bounds;
mod keyed_turns;
mod observability_page;
mod observe;
mod origins;
mod own_header;
mod paused_time;
mod places;
mod proof;
mod proof_grpc;
mod reading_order;
mod refusals_in_vain;
mod rejection;
mod renew;
mod revoked_at_once;
mod runtimes;
mod sharing;
mod single_flight;
mod warm;
