//! [`Kept`]: a key that other processes may have too.

use std::{fmt, sync::Arc};

use hallpass_core::{Credential, Error, HeldKey, KeptKey, ReadKey};

use super::{Dpop, Prover};

/// A key that is read where it is kept, for tokens that another process has asked for.
#[derive(Debug)]
pub(super) struct Kept {
    dpop: Dpop,
    of: String,
}

impl Kept {
    pub(super) fn new(dpop: Dpop, of: &str) -> Self {
        let of = of.to_owned();
        Self { dpop, of }
    }
}

impl KeptKey for Kept {
    fn read(&self) -> ReadKey<'_> {
        Box::pin(async {
            let prover = self.dpop.ready(&self.of).await?;
            let dpop = self.dpop.clone();
            Ok(Arc::new(Held { dpop, prover }) as Arc<dyn HeldKey>)
        })
    }
}

/// The same as it was read, with the nonces of all of the source's tokens.
struct Held {
    dpop: Dpop,
    prover: Arc<Prover>,
}

impl HeldKey for Held {
    fn thumbprint(&self) -> &str {
        self.prover.thumbprint()
    }

    fn bind(&self, credential: Credential) -> Result<Credential, Error> {
        let proof = credential
            .token()
            .map(|token| self.dpop.proof(self.prover.clone(), token));
        proof
            .map(|proof| credential.with_proof(proof))
            .ok_or_else(|| Error::configuration("a credential that shows no token to prove for"))
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("thumbprint", &self.thumbprint())
            .finish_non_exhaustive()
    }
}
