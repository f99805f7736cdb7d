//! [`TokenExchange`]: one token for another (RFC 8693).

use super::{GrantPlan, Material};
use crate::{ClientAuth, Secret, TokenRequest};

const SUBJECT: &str = "subject_token";
const ACTOR: &str = "actor_token";

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
    /// A SAML 2.0 assertion in base64url.
    pub const SAML2: &str = "urn:ietf:params:oauth:token-type:saml2";
}

/// Token exchange: a token that stands for somebody, exchanged for one to use elsewhere.
///
/// The answer must say of which type the issued token is; the credential's field
/// `issued_token_type` repeats it. A token that is not meant to be sent to an API
/// (`token_type` `N_A`) is refused. The client's own authentication is sent when it is set.
///
/// ```
/// use hallpass_oauth2::{Secret, TokenExchange, token_type};
///
/// let builder = TokenExchange::at("https://sts.example.com/v1/token")
///     .subject_token(Secret::file("/var/run/secrets/tokens/sts"), token_type::JWT)
///     .audience("https://api.example.com");
/// # let _ = builder;
/// ```
pub type TokenExchange = TokenRequest<super::TokenExchange>;

impl TokenExchange {
    /// Asks the token endpoint at this URL: `https`, or `http` on this machine.
    pub fn at(token_url: impl Into<String>) -> Self {
        let mut grant = GrantPlan::of("urn:ietf:params:oauth:grant-type:token-exchange")
            .needing(SUBJECT, "no subject token is set: call subject_token");
        grant.issued_type = true;
        let mut builder = Self::new(token_url, grant);
        builder.auth = Some(ClientAuth::None);
        builder
    }

    /// The token that stands for whom the new one is about, asked for at each fetch, and its type.
    #[must_use]
    pub fn subject_token(self, token: impl Into<Secret>, kind: impl Into<String>) -> Self {
        let kind_name = "subject_token_type";
        self.token(
            SUBJECT,
            "subject token",
            token.into(),
            kind_name,
            kind.into(),
        )
    }

    /// The token that stands for who acts, asked for at each fetch, and its type.
    #[must_use]
    pub fn actor_token(self, token: impl Into<Secret>, kind: impl Into<String>) -> Self {
        let kind_name = "actor_token_type";
        self.token(ACTOR, "actor token", token.into(), kind_name, kind.into())
    }

    /// The type of token to ask for.
    #[must_use]
    pub fn requested_token_type(mut self, kind: impl Into<String>) -> Self {
        self.grant.set_param("requested_token_type", kind.into());
        self
    }

    fn token(
        mut self,
        name: &'static str,
        what: &'static str,
        token: Secret,
        kind_name: &'static str,
        kind: String,
    ) -> Self {
        self.grant.set(name, Material::Secret(token, what));
        self.grant.set_param(kind_name, kind);
        self
    }
}
