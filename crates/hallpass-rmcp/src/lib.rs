//! An [rmcp](https://docs.rs/rmcp) client over any tower service. Put a
//! [`BearerLayer`](https://docs.rs/hallpass-tower) below it, and each request carries a credential
//! that is fresh, is sent once more after a 401, and goes nowhere else.
//!
//! ```
//! use hallpass_rmcp::McpClient;
//! use hallpass_tower::BearerLayer;
//! use rmcp::transport::{
//!     StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
//! };
//! use tower::Layer as _;
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # let source = hallpass_core::Credential::bearer("a-token")?;
//! let client = BearerLayer::new(source).boxed().layer(hallpass_hyper::client()?);
//! let client = McpClient::new(client);
//!
//! let config = StreamableHttpClientTransportConfig::with_uri("https://rs.example/mcp");
//! let transport = StreamableHttpClientTransport::with_client(client, config);
//! # drop(transport);
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(async { example().unwrap() });
//! ```
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
