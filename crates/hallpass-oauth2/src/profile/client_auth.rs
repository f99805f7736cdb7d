//! [`ClientAuth`]: how the client says who it is.

use crate::toml_fields::choice;

/// How the client says who it is. One way per request, and no other is tried when it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ClientAuth {
    /// No secret is sent.
    None,
    /// An HTTP Basic header, both halves percent-encoded first (RFC 6749 §2.3.1).
    #[default]
    Basic,
    /// An HTTP Basic header with both halves as they are, for servers that forget to decode.
    BasicRaw,
    /// An HTTP Basic header with both halves in base64 first.
    BasicBase64,
    /// `client_id` and `client_secret` among the parameters.
    Post,
    /// An assertion that the secret signs (RFC 7523 §2.2, HS256).
    ClientSecretJwt,
    /// An assertion that a private key signs (RFC 7523 §2.2).
    PrivateKeyJwt,
    /// The client's certificate, which the transport presents, and `client_id` (RFC 8705 §2).
    Tls,
    /// Where the templates of a [`Profile`](crate::Profile)'s parameters and headers name
    /// `{client_id}`, `{client_secret}` or `{basic}`.
    Custom,
}

choice!(
    ClientAuth,
    "client_auth",
    &[
        ("none", Self::None),
        ("basic", Self::Basic),
        ("basic-raw", Self::BasicRaw),
        ("basic-base64", Self::BasicBase64),
        ("post", Self::Post),
        ("client-secret-jwt", Self::ClientSecretJwt),
        ("private-key-jwt", Self::PrivateKeyJwt),
        ("tls", Self::Tls),
        ("custom", Self::Custom),
    ]
);

impl ClientAuth {
    /// Whether the request proves who the client is.
    pub(crate) fn proves(self) -> bool {
        self != Self::None
    }

    /// Whether the proof needs the client's secret.
    pub(crate) fn needs_secret(self) -> bool {
        !matches!(self, Self::None | Self::PrivateKeyJwt | Self::Tls)
    }
}
