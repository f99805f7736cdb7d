//! The tests of what this crate offers, in one binary. Those beside this folder need a process of
//! their own.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod client;
mod client_certificate;
mod common;
mod dpop;
mod ending;
mod healing;
mod http2;
mod layered;
mod limits;
mod reuse;
mod tls;
mod two_hops;
mod unprocessed;
mod wire;
