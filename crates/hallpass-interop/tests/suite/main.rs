//! Hallpass against real authorization servers; see the crate's README.
// The harness is made of process groups; `cargo xtask interop` says so elsewhere.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may panic, and shows its server's log then"
)]

/// Makes each function a test at each server. The names matter: `cargo xtask interop` leaves
/// servers out by them.
macro_rules! at_each_server {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use crate::kinds;

            #[tokio::test]
            async fn oidc_provider() {
                super::$test(&kinds::OIDC_PROVIDER).await;
            }

            #[tokio::test]
            async fn authlib() {
                super::$test(&kinds::AUTHLIB).await;
            }

            #[tokio::test]
            async fn glewlwyd() {
                super::$test(&kinds::GLEWLWYD).await;
            }

            #[tokio::test]
            async fn node_oauth() {
                super::$test(&kinds::NODE_OAUTH).await;
            }
        }
    )+};
}

mod certificates;
mod chains;
mod connections;
mod doctor;
mod dpop;
mod grpcio;
mod harness;
mod keys;
mod kinds;
mod kit;
mod mtls;
mod nginx;
/// The generated client that hallpass-tonic's own tests use.
#[path = "../../../hallpass-tonic/tests/suite/common/proto.rs"]
#[allow(unused_imports, reason = "the server here is another")]
mod proto;
mod refusals;
mod resources;
mod restarts;
mod tokens;
mod vault;
