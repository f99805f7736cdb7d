//! [`JwtBearer`]: a signed assertion as the grant (RFC 7523 §2.1).

use hallpass_core::Error;

use super::{GrantPlan, Material};
use crate::{ClientAuth, Jwt, Secret, TokenRequest};

pub(super) const ASSERTION: &str = "assertion";

/// The JWT bearer grant: a JWT that says on whose behalf, exchanged for a token.
///
/// The server may know the client by the assertion alone, so nothing else is needed; a client
/// authentication beside it is sent when it is set.
///
/// ```
/// use hallpass_oauth2::{Jwt, JwtBearer, Key, Secret};
///
/// let builder = JwtBearer::at("https://login.example.com/services/oauth2/token").jwt(
///     Jwt::signed_by(Key::read(Secret::file("/run/secrets/key.pem")))
///         .issuer("my-client")
///         .subject("integration@example.com")
///         .audience("https://login.example.com"),
/// );
/// # let _ = builder;
/// ```
pub type JwtBearer = TokenRequest<super::JwtBearer>;

impl JwtBearer {
    /// Asks the token endpoint at this URL: `https`, or `http` on this machine.
    pub fn at(token_url: impl Into<String>) -> Self {
        let grant = GrantPlan::of("urn:ietf:params:oauth:grant-type:jwt-bearer")
            .needing(ASSERTION, "no assertion is set: call jwt or assertion");
        let mut builder = Self::new(token_url, grant);
        builder.auth = Some(ClientAuth::None);
        builder
    }

    /// Signs this for each try. Without an audience of its own it is for the
    /// [`issuer`](Self::issuer), or for the token URL if that is not set.
    #[must_use]
    pub fn jwt(mut self, jwt: Jwt) -> Self {
        self.grant.set(ASSERTION, Material::Jwt(Box::new(jwt)));
        self
    }

    /// An assertion that somebody else signs, asked for at each fetch.
    #[must_use]
    pub fn assertion(mut self, assertion: impl Into<Secret>) -> Self {
        let assertion = Material::Secret(assertion.into(), "assertion");
        self.grant.set(ASSERTION, assertion);
        self
    }

    /// On whose behalf: the claim `sub` of the [`jwt`](Self::jwt), which must be set before.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        if let Some(Material::Jwt(jwt)) = self.grant.material_mut(ASSERTION) {
            jwt.set_claim("sub", subject.into().into());
        } else {
            let early = "there is no jwt yet to have a subject: call jwt or google first";
            self.fault.get_or_insert(Error::configuration(early));
        }
        self
    }
}
