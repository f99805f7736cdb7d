//! [`ClientCredentials`]: the client-credentials grant (RFC 6749 §4.4).

use super::TokenRequest;
use crate::Grant;

/// The client-credentials grant: an id and a secret, exchanged for a token at a token endpoint.
///
/// ```
/// use hallpass_oauth2::{ClientCredentials, Secret};
/// # use hallpass_oauth2::transport::{Transport, TransportError};
/// # struct Offline;
/// # impl Transport for Offline {
/// #     async fn send(&self, _: http::Request<bytes::Bytes>, _: std::time::Duration)
/// #         -> Result<http::Response<bytes::Bytes>, TransportError> { unreachable!() }
/// # }
/// # let transport = Offline;
///
/// let source = ClientCredentials::at("https://api.example.com/oauth/v2/token")
///     .basic("my-client", Secret::env("EXAMPLE_SECRET"))
///     .scope("accounts.read")
///     .build(transport)?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Debug)]
pub enum ClientCredentials {}

impl ClientCredentials {
    /// Asks the token endpoint at this URL: `https`, or `http` on this machine.
    pub fn at(token_url: impl Into<String>) -> TokenRequest {
        TokenRequest::at(token_url, Grant::ClientCredentials)
    }
}
