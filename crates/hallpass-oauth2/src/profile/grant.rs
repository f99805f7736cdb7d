//! [`Grant`]: what a token is asked for with.

use crate::toml_fields::choice;

/// What a token is asked for with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Grant {
    /// The client itself (RFC 6749 §4.4).
    #[default]
    ClientCredentials,
    /// A refresh token that a sign-in has brought (RFC 6749 §6).
    RefreshToken,
    /// A signed assertion (RFC 7523 §2.1).
    JwtBearer,
    /// Another token (RFC 8693).
    TokenExchange,
    /// A person's name and password (RFC 6749 §4.3), which RFC 9700 §2.4 forbids to new servers.
    Password,
}

choice!(
    Grant,
    "grant",
    &[
        ("client_credentials", Self::ClientCredentials),
        ("refresh_token", Self::RefreshToken),
        ("jwt_bearer", Self::JwtBearer),
        ("token_exchange", Self::TokenExchange),
        ("password", Self::Password),
    ]
);

impl Grant {
    /// The value of `grant_type`.
    pub(crate) fn grant_type(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::Password => "password",
        }
    }

    /// The parameters without which it means nothing, and what to call to set them.
    pub(crate) fn needs(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::ClientCredentials => (&[], ""),
            Self::RefreshToken => (
                &["refresh_token"],
                "no refresh token is set: call refresh_token",
            ),
            Self::JwtBearer => (&["assertion"], "no assertion is set: call jwt or assertion"),
            Self::TokenExchange => (
                &["subject_token"],
                "no subject token is set: call subject_token",
            ),
            Self::Password => (
                &["username", "password"],
                "no user is set: call user with a name and a password",
            ),
        }
    }

    /// Whether a server may know the client by what the grant brings.
    pub(crate) fn may_go_without_client(self) -> bool {
        matches!(self, Self::JwtBearer | Self::TokenExchange)
    }
}
