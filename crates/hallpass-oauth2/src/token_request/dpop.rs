//! Tokens that are bound to what the client holds.

use super::TokenRequest;
use crate::{Dpop, Secret};

/// # Tokens that a thief can't use
impl TokenRequest {
    /// Asks for a token that is bound to a key, and proves with each request that the client holds
    /// it (RFC 9449). Takes a [`Key`](crate::Key) that is kept, or a [`Dpop`] for the rest.
    ///
    /// The answer has to say that the token is of the type `DPoP`. Nonces that the token endpoint or
    /// the API want in proofs are learnt from their answers; a request that is refused for the want
    /// of one is sent once more. With a key in memory, a public client can't use this with
    /// [`RefreshToken`](super::RefreshToken): the refresh token would be lost with the key.
    #[must_use]
    pub fn dpop(mut self, dpop: impl Into<Dpop>) -> Self {
        self.settings.profile.dpop = true;
        self.settings.dpop = Some(dpop.into());
        self
    }

    /// Says to which client certificate the server binds its tokens (RFC 8705 §3): to the first in
    /// this PEM text, which is read at each fetch. That is the one which the transport presents with
    /// [`mtls`](Self::mtls).
    ///
    /// A token that is a JWT says so itself. Either way a layer sends the token only if it is told by
    /// `client_certificate` that its client presents this certificate; a request by any other client
    /// fails with an error that [says so](hallpass_core::Error::is_possession).
    #[must_use]
    pub fn bound_to_certificate(mut self, pem: impl Into<Secret>) -> Self {
        self.settings.certificate = Some(pem.into());
        self
    }
}
