//! [`Metadata`]: what a server says of itself.

use serde::Deserialize;

use crate::{ClientCredentials, Key, Secret, TokenRequest};

/// A server's metadata, as far as anything here needs it. Checked: the issuer is the one that was
/// asked for, and each endpoint lies where it may.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    issuer: String,
    token_endpoint: String,
    revocation_endpoint: Option<String>,
    #[serde(rename = "token_endpoint_auth_methods_supported")]
    auth_methods: Option<Vec<String>>,
    #[serde(rename = "mtls_endpoint_aliases")]
    mtls: Option<Aliases>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
struct Aliases {
    token_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
}

impl Metadata {
    /// What stands in for metadata before there is any.
    pub(crate) fn stand_in(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            token_endpoint: issuer.to_owned(),
            revocation_endpoint: Some(issuer.to_owned()),
            auth_methods: None,
            mtls: None,
        }
    }

    /// Every URL that a secret could be sent to.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &str> {
        let aliases = self.mtls.iter();
        let aliases = aliases.flat_map(|mtls| [&mtls.token_endpoint, &mtls.revocation_endpoint]);
        let optional = aliases.chain([&self.revocation_endpoint]).flatten();
        std::iter::once(&self.token_endpoint)
            .chain(optional)
            .map(String::as_str)
    }

    /// The issuer identifier: the audience of assertions.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The token endpoint.
    pub fn token_endpoint(&self) -> &str {
        &self.token_endpoint
    }

    /// The token endpoint for a client that a TLS certificate names (RFC 8705 §5): an alias if
    /// there is one.
    pub fn mtls_token_endpoint(&self) -> &str {
        let alias = self
            .mtls
            .as_ref()
            .and_then(|mtls| mtls.token_endpoint.as_deref());
        alias.unwrap_or(&self.token_endpoint)
    }

    /// The revocation endpoint, if there is one.
    pub fn revocation_endpoint(&self) -> Option<&str> {
        self.revocation_endpoint.as_deref()
    }

    /// The revocation endpoint for a client that a TLS certificate names.
    pub fn mtls_revocation_endpoint(&self) -> Option<&str> {
        let alias = self
            .mtls
            .as_ref()
            .and_then(|mtls| mtls.revocation_endpoint.as_deref());
        alias.or(self.revocation_endpoint())
    }

    /// Client credentials with a secret, sent in the way that the server takes: as Basic if it does
    /// or says nothing, otherwise in the body.
    #[must_use]
    pub fn client_secret(&self, id: impl Into<Secret>, secret: impl Into<Secret>) -> TokenRequest {
        let request = ClientCredentials::at(self.token_endpoint());
        if self.supports("client_secret_basic") || !self.supports("client_secret_post") {
            request.basic(id, secret)
        } else {
            request.post(id, secret)
        }
    }

    /// Client credentials with an assertion, which is for the issuer.
    #[must_use]
    pub fn client_key(&self, id: impl Into<Secret>, key: Key) -> TokenRequest {
        ClientCredentials::at(self.token_endpoint())
            .private_key_jwt(id, key)
            .issuer(self.issuer())
    }

    /// Whether clients may authenticate in this way, such as `private_key_jwt`. A server that says
    /// nothing takes `client_secret_basic` alone (RFC 8414 §2).
    pub fn supports(&self, auth_method: &str) -> bool {
        match &self.auth_methods {
            Some(methods) => methods.iter().any(|method| method == auth_method),
            None => auth_method == "client_secret_basic",
        }
    }
}
