//! An authorization server and the API it protects, in the process of the test that needs them.
//!
//! ```
//! use hallpass_testkit::Server;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let server = Server::start().await;
//! // … point the client under test at `server.token_url()` and `server.url()` …
//! server.token_endpoint().fail_next(1, 503).retry_after(1);
//! server.revoke_all();
//! assert_eq!(server.journal().token_requests(), 0);
//! server.shutdown().await;
//! # }
//! ```
//!
//! Requests travel over real TCP on a port that the system chooses, with HTTP/1.1, HTTP/2
//! and (feature `tls`) TLS. [`System`] says whose manners the server has. [`Journal`] tells
//! what arrived. [`Endpoint`] holds the switches for faults, one set for the token
//! endpoint and one for the API.
//!
//! Any path that is not the token endpoint belongs to the API. It answers a request
//! that carries a live token with what it saw:
//!
//! ```json
//! {"path": "/orders", "method": "POST", "client": "client",
//!  "body_len": 3, "body_fnv1a64": "e71fa2190541574b", "n": 1}
//! ```
//!
//! `n` counts the API's requests and [`fnv1a64`] makes the digest. Paths under `/forbidden`
//! answer 403 to everybody.
//!
//! Nothing here is fit to guard anything: secrets are compared byte by byte, tokens are
//! not signed, and the journal keeps every header.

mod answer;
mod api;
mod builder;
mod credentials;
mod digest;
mod endpoint;
mod exchange;
mod form;
mod hold;
mod journal;
mod jwt;
mod listener;
mod lock;
mod malformed;
mod rate;
mod server;
mod shared;
mod store;
mod system;
#[cfg(feature = "tls")]
mod tls;
mod token;

pub use builder::Builder;
pub use digest::fnv1a64;
pub use endpoint::{Challenge, Endpoint, RetryAfter};
pub use hold::Hold;
pub use journal::{Entry, JOURNAL_BODY_LIMIT, Journal, Kind};
pub use malformed::Malformed;
pub use server::Server;
pub use store::{ExpiresIn, Reissue, TokenFormat};
pub use system::{BasicEncoding, Client, Role, System};
