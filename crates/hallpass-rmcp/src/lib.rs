#![doc = include_str!("../README.md")]
//!
//! # How it works
//!
//! ```text
//! rmcp ──▶ McpClient ──▶ BearerService ──▶ any HTTP client
//!                          │   ▲ 401: a new credential, and this request once more
//!                          ▼   │
//!                        hallpass_core::Cached ── ClientCredentials, Protected, …
//! ```
//!
//! rmcp's own `AuthClient` asks for a token of client credentials once, and never again when that
//! has ended; a 401 without a challenge reaches it as a text. Here the source is whatever
//! `hallpass-oauth2` has: `Protected::resource("https://rs.example/mcp")` finds the authorization
//! server as MCP says (RFC 9728), `ClientCredentials` asks one that is known.
//!
//! A token that rmcp is given ([`auth_header`]) is sent as the caller's own, and the layer leaves
//! such a request alone. A 401 that stays after all that is rmcp's `AuthRequired`, with what all
//! `WWW-Authenticate` fields say. Redirects are not followed.
//!
//! [`auth_header`]: rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig::auth_header

mod answer;
mod client;
mod error;
mod events;

pub use self::{client::McpClient, error::Error};
