//! How the client says who it is.

use std::time::Duration;

use super::TokenRequest;
use crate::{ClientAuth, Key, Secret, template::literal};

/// # Who asks
///
/// One way for each request; no other is tried when it is refused.
impl TokenRequest {
    /// Authenticates as the profile says: by its `client_auth`. With `private-key-jwt` the secret is
    /// the text of the key.
    #[must_use]
    pub fn client(self, id: impl Into<Secret>, secret: impl Into<Secret>) -> Self {
        let auth = self.settings.profile.client_auth;
        self.authenticated(auth, id, secret)
    }

    fn authenticated(
        mut self,
        auth: ClientAuth,
        id: impl Into<Secret>,
        secret: impl Into<Secret>,
    ) -> Self {
        if auth == ClientAuth::PrivateKeyJwt {
            return self.private_key_jwt(id, Key::read(secret));
        }
        self.settings.secret = Some(secret.into());
        self.known_by(auth, id)
    }

    fn known_by(mut self, auth: ClientAuth, id: impl Into<Secret>) -> Self {
        self.settings.profile.client_auth = auth;
        self.settings.id = Some(id.into());
        if !auth.needs_secret() && auth != ClientAuth::None {
            self.settings.secret = None;
        }
        if auth == ClientAuth::Tls {
            self.settings.profile.send_client_id = true;
        }
        self
    }

    /// `client_secret_basic`: an HTTP Basic header, both halves percent-encoded first, a space as
    /// `%20` (RFC 6749 §2.3.1).
    #[must_use]
    pub fn basic(self, id: impl Into<Secret>, secret: impl Into<Secret>) -> Self {
        self.authenticated(ClientAuth::Basic, id, secret)
    }

    /// An HTTP Basic header with both halves as they are, for servers that forget to decode them.
    /// An id with a colon can't be sent like this.
    #[must_use]
    pub fn basic_raw(self, id: impl Into<Secret>, secret: impl Into<Secret>) -> Self {
        self.authenticated(ClientAuth::BasicRaw, id, secret)
    }

    /// `client_secret_post`: id and secret in the form body.
    #[must_use]
    pub fn post(self, id: impl Into<Secret>, secret: impl Into<Secret>) -> Self {
        self.authenticated(ClientAuth::Post, id, secret)
    }

    /// `client_secret_jwt`: an assertion that the secret signs with HS256, so that it never
    /// travels. Says for whom it is with [`issuer`](Self::issuer) or
    /// [`assertion_for_token_url`](Self::assertion_for_token_url).
    #[must_use]
    pub fn client_secret_jwt(self, id: impl Into<Secret>, secret: impl Into<Secret>) -> Self {
        self.authenticated(ClientAuth::ClientSecretJwt, id, secret)
    }

    /// `private_key_jwt`: an assertion that a private key signs, fresh for each try.
    ///
    /// Says for whom it is with [`issuer`](Self::issuer) or
    /// [`assertion_for_token_url`](Self::assertion_for_token_url).
    ///
    /// ```
    /// use hallpass_oauth2::{ClientCredentials, Key, Secret};
    ///
    /// let builder = ClientCredentials::at("https://auth.example.com/token")
    ///     .private_key_jwt("my-client", Key::read(Secret::env("CLIENT_KEY_PEM")).kid("2026-05"))
    ///     .issuer("https://auth.example.com");
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn private_key_jwt(mut self, id: impl Into<Secret>, key: Key) -> Self {
        self.settings.assertion.key = Some(key);
        self.known_by(ClientAuth::PrivateKeyJwt, id)
    }

    /// `tls_client_auth` and `self_signed_tls_client_auth` (RFC 8705): the client's certificate
    /// says who it is, and `client_id` goes into the body.
    ///
    /// The certificate belongs to the transport, and one transport to one client: give the
    /// `rustls::ClientConfig` that presents it to `hallpass_hyper::Builder::tls_config`. Tokens may
    /// be bound to the certificate; then the API's client needs it too. A server that lists
    /// `mtls_endpoint_aliases` wants its token URL from there.
    #[must_use]
    pub fn mtls(self, id: impl Into<Secret>) -> Self {
        self.known_by(ClientAuth::Tls, id)
    }

    /// No secret: `client_id` in the parameters, for endpoints that know the client by other means.
    #[must_use]
    pub fn public(mut self, id: impl Into<Secret>) -> Self {
        self.settings.secret = None;
        self.settings.profile.send_client_id = true;
        self.known_by(ClientAuth::None, id)
    }

    /// The server's issuer identifier, as its metadata states it: the audience of the client's
    /// assertions.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.settings.profile.issuer = Some(literal(&issuer.into()));
        self
    }

    /// Makes the token URL the audience of the client's assertions, for servers that know only
    /// that. Anybody who can make the client use a token URL of theirs could pass such an assertion
    /// on; the issuer is the better audience.
    #[must_use]
    pub fn assertion_for_token_url(mut self) -> Self {
        self.settings.profile.assertion_for_token_url = true;
        self
    }

    /// How long the client's assertions live; a minute unless set.
    #[must_use]
    pub fn assertion_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.profile.assertion_lifetime = Some(lifetime);
        self
    }

    /// How far `iat` of the client's assertions lies before the moment they are signed, for servers
    /// whose clocks are behind. A minute unless set.
    #[must_use]
    pub fn assertion_backdated(mut self, by: Duration) -> Self {
        self.settings.profile.assertion_backdated = Some(by);
        self
    }

    /// The `typ` of the assertion's header: `client-authentication+jwt` unless set. Servers that
    /// refuse what they don't know take `JWT`.
    #[must_use]
    pub fn assertion_typ(mut self, typ: impl Into<String>) -> Self {
        self.settings.profile.assertion_typ = Some(typ.into());
        self
    }
}
