//! [`RefreshToken`]: the refresh-token grant (RFC 6749 §6).

use std::sync::Arc;

use super::TokenRequest;
use crate::{
    Grant, Secret,
    rotation::{Rotation, Told},
};

/// The refresh-token grant: a token that a person's sign-in has brought, exchanged for access
/// tokens.
///
/// A server may replace the refresh token with each answer. The new one is kept in memory and handed
/// to [`on_rotation`](TokenRequest::on_rotation). A token that was replaced, or that the server
/// refused as `invalid_grant`, is never sent again, whatever the store says: only a value that nobody
/// has seen before is a new sign-in. A request that has left is read to its end even when nobody
/// waits for it any more, and no two requests use the token at once.
///
/// ```
/// use hallpass_oauth2::{RefreshToken, Secret};
/// # fn store(_: &str) {}
///
/// let builder = RefreshToken::at("https://auth.example.com/token")
///     .refresh_token(Secret::file("/var/lib/app/refresh-token"))
///     .on_rotation(|token| store(token))
///     .public("my-client");
/// # let _ = builder;
/// ```
#[derive(Debug)]
pub enum RefreshToken {}

impl RefreshToken {
    /// Asks the token endpoint at this URL: `https`, or `http` on this machine.
    pub fn at(token_url: impl Into<String>) -> TokenRequest {
        TokenRequest::at(token_url, Grant::RefreshToken)
    }
}

/// # With a refresh token
impl TokenRequest {
    /// The refresh token, or the place where it is kept.
    ///
    /// It is asked for at each fetch. A value that nobody has seen before counts as a new sign-in;
    /// an older one, as a store brings that lags behind, is not used. While the store can't be read,
    /// the token in memory is.
    #[must_use]
    pub fn refresh_token(mut self, token: impl Into<Secret>) -> Self {
        let told = self.settings.told.clone();
        self.settings.grant.rotation = Some(Rotation::of(token.into()).telling(told));
        self
    }

    /// Is told each new refresh token, so that it survives a restart.
    ///
    /// Called once for each, after it is kept and before the access token is handed out. It should
    /// return soon: to store it somewhere slow, send it down a channel. If it panics, the token
    /// stays in memory and it is called again before the next token request.
    #[must_use]
    pub fn on_rotation(mut self, told: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let told: Arc<Told> = Arc::new(told);
        self.settings.told = Some(told.clone());
        let rotation = self.settings.grant.rotation.take();
        self.settings.grant.rotation = rotation.map(|rotation| rotation.telling(Some(told)));
        self
    }
}
