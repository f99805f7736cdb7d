//! [`RefreshToken`]: the refresh-token grant (RFC 6749 §6).

use super::{GrantPlan, rotation::Rotation};
use crate::{Secret, TokenRequest};

/// The refresh-token grant: a token that a person's sign-in has brought, exchanged for access
/// tokens.
///
/// A server may replace the refresh token with each answer. The new one is kept in memory and handed
/// to [`on_rotation`](Self::on_rotation); the old one is used until the new one is in hand. A
/// request that has left is read to its end even when nobody waits for it any more, and no two
/// requests use the token at once.
///
/// ```
/// use hallpass_oauth2::{RefreshToken, Secret};
/// # fn store(_: &str) {}
///
/// let builder = RefreshToken::at("https://auth.example.com/token")
///     .token(Secret::file("/var/lib/app/refresh-token"))
///     .on_rotation(|token| store(token))
///     .public("my-client");
/// # let _ = builder;
/// ```
pub type RefreshToken = TokenRequest<super::RefreshToken>;

impl RefreshToken {
    /// Asks the token endpoint at this URL: `https`, or `http` on this machine.
    pub fn at(token_url: impl Into<String>) -> Self {
        let mut builder = Self::new(token_url, GrantPlan::of("refresh_token"));
        builder.rotation();
        builder
    }

    /// The refresh token, or the place where it is kept.
    ///
    /// It is asked for at each fetch. What the server gave in its place counts until this brings
    /// another value than before: a new sign-in, or the rotated token out of the store.
    #[must_use]
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        self.rotation().starting_with(token.into());
        self
    }

    /// Is told each new refresh token, so that it survives a restart.
    ///
    /// Called once for each, after it is kept and before the access token is handed out. It should
    /// return soon: to store it somewhere slow, send it down a channel.
    #[must_use]
    pub fn on_rotation(mut self, told: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.rotation().telling(told);
        self
    }

    fn rotation(&mut self) -> &mut Rotation {
        self.grant.rotation.get_or_insert_default()
    }
}
