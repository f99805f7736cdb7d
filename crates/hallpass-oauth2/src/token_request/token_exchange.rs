//! [`TokenExchange`]: one token for another (RFC 8693).

use super::TokenRequest;
use crate::{ClientAuth, Grant, Secret, plan::GrantInput};

/// What kind of token one is (RFC 8693 §3).
pub mod token_type {
    /// An OAuth 2.0 access token.
    pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
    /// An OAuth 2.0 refresh token.
    pub const REFRESH_TOKEN: &str = "urn:ietf:params:oauth:token-type:refresh_token";
    /// An OpenID Connect ID token.
    pub const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
    /// A JWT.
    pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
    /// An assertion for another server's token endpoint, by which an identity provider lets a client
    /// act for somebody there: material for [`JwtBearer`](crate::JwtBearer), and no token for an API.
    pub const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";
    /// A SAML 2.0 assertion in base64url.
    pub const SAML2: &str = "urn:ietf:params:oauth:token-type:saml2";
}

/// Token exchange: a token that stands for somebody, exchanged for one to use elsewhere.
///
/// The answer must say of which type the issued token is; the credential's field
/// `issued_token_type` repeats it. A token that is not meant to be sent to an API
/// (`token_type` `N_A`) is refused; as the first of two steps ([`Composed`](crate::Composed)) it is
/// taken where the profile's `token_types` name it. The client's own authentication is sent when it is set.
///
/// ```
/// use hallpass_oauth2::{Secret, TokenExchange, token_type};
///
/// let builder = TokenExchange::at("https://sts.example.com/v1/token")
///     .subject_token(Secret::file("/var/run/secrets/tokens/sts"), token_type::JWT)
///     .audience("https://api.example.com");
/// # let _ = builder;
/// ```
#[derive(Debug)]
pub enum TokenExchange {}

impl TokenExchange {
    /// Asks the token endpoint at this URL: `https`, or `http` on this machine.
    pub fn at(token_url: impl Into<String>) -> TokenRequest {
        let mut request = TokenRequest::at(token_url, Grant::TokenExchange);
        request.settings.profile.client_auth = ClientAuth::None;
        request
    }
}

/// # With another token
impl TokenRequest {
    /// The token that stands for whom the new one is about, asked for at each fetch, and its type.
    #[must_use]
    pub fn subject_token(mut self, token: impl Into<Secret>, kind: impl Into<String>) -> Self {
        self.settings.profile.subject_token_type = Some(kind.into());
        let token = GrantInput::Secret(token.into(), "subject token");
        self.settings.grant.set("subject_token", token);
        self
    }

    /// The token that stands for who acts, asked for at each fetch, and its type.
    #[must_use]
    pub fn actor_token(mut self, token: impl Into<Secret>, kind: impl Into<String>) -> Self {
        self.settings.profile.actor_token_type = Some(kind.into());
        let token = GrantInput::Secret(token.into(), "actor token");
        self.settings.grant.set("actor_token", token);
        self
    }

    /// The type of token to ask for.
    #[must_use]
    pub fn requested_token_type(mut self, kind: impl Into<String>) -> Self {
        self.settings.profile.requested_token_type = Some(kind.into());
        self
    }
}
