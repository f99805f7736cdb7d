//! [`JwtBearer`]: a signed assertion as the grant (RFC 7523 §2.1).

use hallpass_core::Error;

use super::TokenRequest;
use crate::{
    ClientAuth, Grant, Jwt, Secret,
    plan::{ASSERTION, GrantInput},
    template::literal,
};

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
#[derive(Debug)]
pub enum JwtBearer {}

impl JwtBearer {
    /// Asks the token endpoint at this URL: `https`, or `http` on this machine.
    pub fn at(token_url: impl Into<String>) -> TokenRequest {
        let mut request = TokenRequest::at(token_url, Grant::JwtBearer);
        request.settings.profile.client_auth = ClientAuth::None;
        request
    }
}

/// # With an assertion
impl TokenRequest {
    /// Signs this for each try. Without an audience of its own it is for the
    /// [`issuer`](Self::issuer), or for the token URL if that is not set.
    #[must_use]
    pub fn jwt(mut self, jwt: Jwt) -> Self {
        let assertion = GrantInput::Jwt(Box::new(jwt));
        self.settings.grant.set(ASSERTION, assertion);
        self
    }

    /// An assertion that somebody else signs, asked for at each fetch.
    #[must_use]
    pub fn assertion(mut self, assertion: impl Into<Secret>) -> Self {
        let assertion = GrantInput::Secret(assertion.into(), "assertion");
        self.settings.grant.set(ASSERTION, assertion);
        self
    }

    /// On whose behalf: the claim `sub` of the [`jwt`](Self::jwt), which must be set before, or of
    /// the profile's `claims`.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        const SUB: &str = "sub";
        let claims = &mut self.settings.profile.claims;
        if let Some(GrantInput::Jwt(jwt)) = self.settings.grant.get_mut(ASSERTION) {
            jwt.set_claim(SUB, subject.into().into());
        } else if !claims.is_empty() {
            claims.retain(|(name, _)| name != SUB);
            claims.push((SUB.to_owned(), literal(&subject.into()).into()));
        } else {
            let early = "there is no jwt yet to have a subject: call jwt or google first";
            self.fault.get_or_insert(Error::configuration(early));
        }
        self
    }
}
