//! [`Bound`]: a credential on a request that works only with its proof or its certificate.

use http::{HeaderMap, HeaderValue, StatusCode};

use super::fresh_proof::{FreshProof, LastProof};
use crate::{Credential, Origin};

/// A credential of a request that is bound to something, and the last proof of it.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    credential: Credential,
    /// None before the first one, and where a certificate is all that is wanted.
    proof: Option<SentProof>,
}

#[derive(Debug, Clone)]
struct SentProof {
    last: LastProof,
    origin: Origin,
}

impl From<Credential> for Bound {
    fn from(credential: Credential) -> Self {
        Self {
            credential,
            proof: None,
        }
    }
}

impl Bound {
    pub(super) fn into_credential(self) -> Credential {
        self.credential
    }

    pub(super) fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Notes the proof that goes along to this origin.
    pub(super) fn sent(&mut self, proof: HeaderValue, origin: Origin) {
        let last = LastProof::new(proof);
        self.proof = Some(SentProof { last, origin });
    }

    /// What makes another proof for the request, if the last one can be told.
    pub(super) fn fresh_proof(&self) -> Option<FreshProof> {
        let SentProof { last, .. } = self.proof.as_ref()?;
        Some(FreshProof::of(self.credential.clone(), last.clone()))
    }

    /// Lets the proof see an answer, and says whether another one would differ.
    pub(super) fn answered(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let Some(SentProof { last, origin }) = &self.proof else {
            return false;
        };
        let proof = self.credential.proof();
        proof.is_some_and(|proof| proof.answered(&last.get(), origin, status, headers))
    }
}
