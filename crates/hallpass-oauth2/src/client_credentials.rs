//! [`ClientCredentials`]: the client-credentials grant (RFC 6749 §4.4).

use crate::{
    TokenRequest,
    grants::{self, GrantPlan},
};

/// How a token goes onto a request, unless the builder or a profile says otherwise.
pub(crate) const BEARER: &str = "Bearer {token}";

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
pub type ClientCredentials = TokenRequest<grants::ClientCredentials>;

impl ClientCredentials {
    /// Asks the token endpoint at this URL: `https`, or `http` on this machine.
    pub fn at(token_url: impl Into<String>) -> Self {
        Self::new(token_url, GrantPlan::of("client_credentials"))
    }
}
