//! The channel against a gRPC server, in one program.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod calls;
mod channel;
mod common;
mod deadline;
mod destination;
mod failure;
mod peers;
#[cfg(feature = "tls-ring")]
mod tls;
mod trailers;
