//! [`FreshProof`]: another proof for what is sent again below an adapter.

use http::{HeaderMap, Method, Uri};

use crate::{Credential, Error, credential::attach_proof};

/// Among the extensions of a request that carries a proof of possession: makes another one.
///
/// A server may take each proof once only (RFC 9449 §11.1). So whatever sends such a request again
/// by itself, such as a client after an HTTP/2 GOAWAY or a retry layer below the credential, has to
/// replace its proof first.
#[derive(Debug, Clone)]
pub struct FreshProof(Credential);

impl FreshProof {
    pub(super) fn of(credential: Credential) -> Self {
        Self(credential)
    }

    /// Replaces the proof among the headers of a request that is about to be sent again, to this
    /// absolute URI.
    ///
    /// # Errors
    /// If none can be made. The request must not be sent then.
    pub fn attach(&self, method: &Method, uri: &Uri, headers: &mut HeaderMap) -> Result<(), Error> {
        match self.0.proof() {
            Some(proof) => attach_proof(&**proof, method, uri, headers).map(drop),
            None => Ok(()),
        }
    }
}
