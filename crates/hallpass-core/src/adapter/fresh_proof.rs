//! [`FreshProof`]: another proof for what is sent again below an adapter.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderValue, Method, Uri};

use crate::{Credential, Error, credential::attach_proof};

/// The proof that was sent last, wherever it was made.
#[derive(Debug, Clone)]
pub(super) struct LastProof(Arc<Mutex<HeaderValue>>);

impl LastProof {
    pub(super) fn new(proof: HeaderValue) -> Self {
        Self(Arc::new(Mutex::new(proof)))
    }

    pub(super) fn get(&self) -> HeaderValue {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, proof: HeaderValue) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = proof;
    }
}

/// Among the extensions of a request that carries a proof of possession: makes another one.
///
/// A server may take each proof once only (RFC 9449 §11.1). So whatever sends such a request again
/// by itself, such as a client after an HTTP/2 GOAWAY or a retry layer below the credential, has to
/// replace its proof first.
#[derive(Debug, Clone)]
pub struct FreshProof {
    credential: Credential,
    /// An answer is held against what it answers.
    last: LastProof,
}

impl FreshProof {
    pub(super) fn of(credential: Credential, last: LastProof) -> Self {
        Self { credential, last }
    }

    /// Replaces the proof among the headers of a request that is about to be sent again, to this
    /// absolute URI.
    ///
    /// # Errors
    /// If none can be made. The request must not be sent then.
    pub fn attach(&self, method: &Method, uri: &Uri, headers: &mut HeaderMap) -> Result<(), Error> {
        if let Some(proof) = self.credential.proof() {
            self.last.set(attach_proof(&**proof, method, uri, headers)?);
        }
        Ok(())
    }
}
