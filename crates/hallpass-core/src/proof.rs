//! [`Proof`]: what shows with each sending that the client holds a key.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use crate::{Error, Origin};

/// Shows with each sending of a request that the client holds the key which its credential is bound
/// to, as the `DPoP` scheme does (RFC 9449).
///
/// [`Credential::dpop`](crate::Credential::dpop) and
/// [`Credential::with_proof`](crate::Credential::with_proof) tie one to a credential. It is asked
/// anew for every sending, replays included.
pub trait Proof: Send + Sync + 'static {
    /// The header that the proof goes in; it belongs to the credential's set.
    fn header(&self) -> &HeaderName;

    /// The proof for one sending. The URI is the request's own, query included, and absolute.
    ///
    /// # Errors
    /// If none can be made; the request is not sent.
    fn prove(&self, method: &Method, uri: &Uri) -> Result<HeaderValue, Error>;

    /// Sees every answer of a server that got a proof, to keep what the next proof needs, such as
    /// a nonce. `sent` is the proof that the answered request carried.
    ///
    /// Says whether the answer brought something that makes a new proof differ from that one. Only
    /// then a request that was refused for its proof is sent again.
    fn answered(
        &self,
        sent: &HeaderValue,
        origin: &Origin,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> bool;

    /// The thumbprint of the key (RFC 7638), which authorization servers call `jkt`.
    fn thumbprint(&self) -> Option<&str> {
        None
    }
}
