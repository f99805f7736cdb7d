//! [`Password`]: a person's name and password (RFC 6749 §4.3).

use super::TokenRequest;
use crate::{Grant, Secret, plan::GrantInput};

/// The password grant: a person's name and password, exchanged for a token.
///
/// For servers that know no other way. RFC 9700 §2.4 forbids it to new ones, because the password
/// passes through every client; a client of its own with [`ClientCredentials`](crate::ClientCredentials)
/// is better.
///
/// ```
/// use hallpass_oauth2::{Password, Secret};
///
/// let builder = Password::at("https://auth.example.com/token")
///     .user("robot", Secret::env("ROBOT_PASSWORD"))
///     .basic("my-client", Secret::env("CLIENT_SECRET"));
/// # let _ = builder;
/// ```
#[derive(Debug)]
pub enum Password {}

impl Password {
    /// Asks the token endpoint at this URL: `https`, or `http` on this machine.
    pub fn at(token_url: impl Into<String>) -> TokenRequest {
        TokenRequest::at(token_url, Grant::Password)
    }
}

/// # With a password
impl TokenRequest {
    /// Whose token it is: a name and a password, asked for at each fetch.
    #[must_use]
    pub fn user(mut self, name: impl Into<Secret>, password: impl Into<Secret>) -> Self {
        let name = GrantInput::Secret(name.into(), "user name");
        self.settings.grant.set("username", name);
        let password = GrantInput::Secret(password.into(), "password");
        self.settings.grant.set("password", password);
        self
    }
}
