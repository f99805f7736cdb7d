//! A credential that is worth nothing by itself: its proof, its certificate, and the sending again
//! with another proof.

use std::borrow::Cow;

use http::{Extensions, HeaderMap, Method, Uri};

use super::{Exchange, Next};
use crate::{
    Challenges, Credential, Error, Origin, Rejection,
    adapter::{Acquired, Answer, Target, bound::Bound},
    credential::attach_proof,
    observe::ReplayCause,
};

impl Exchange {
    /// Shows on a request that the client holds what the credential on it is bound to.
    #[cold]
    pub(super) fn show<T: Target + ?Sized>(
        &mut self,
        credential: Credential,
        method: &Method,
        target: &T,
        headers: &mut HeaderMap,
    ) -> Result<(), Error> {
        if let Some(binding) = credential.binding() {
            binding.check_certificate(self.authorizer.rules().certificate.as_deref())?;
        }
        let mut bound = Bound::from(credential);
        if let Some(proof) = bound.credential().proof() {
            let uri = self.whole_uri(target)?;
            let proof = attach_proof(&**proof, method, &uri, headers)?;
            bound.sent(proof, Origin::of(&uri)?);
        }
        self.rare.get_or_insert_default().bound = Some(bound);
        Ok(())
    }

    /// Whether the client presents another certificate by now than the one that the token in hand is
    /// bound to, and another token is being fetched for that: then nothing is on the request yet.
    pub(super) fn outlived_its_certificate(&mut self, credential: &Credential) -> bool {
        let presented = self.authorizer.rules().certificate.as_deref();
        if !presented.is_some_and(|presented| has_outlived(credential, presented)) {
            return false;
        }
        let cached = self.cached();
        let mut rejection = cached.reject_generation(self.generation, &Challenges::default());
        // Its predecessor is bound to the old certificate as well.
        if rejection == Rejection::FellBack
            && let Some(generation) = self.outlived_in_hand()
        {
            rejection = cached.reject_generation(generation, &Challenges::default());
        }
        let replaced = rejection != Rejection::Kept;
        if replaced {
            self.sent = 0;
            self.rare.get_or_insert_default().dropped = Some(self.generation);
        }
        replaced
    }

    /// The generation of a credential that could be handed out and is bound to another certificate
    /// than the client presents by now.
    pub(super) fn outlived_in_hand(&self) -> Option<u64> {
        let presented = self.authorizer.rules().certificate.as_deref()?;
        self.cached()
            .in_hand_where(|credential| has_outlived(credential, presented))
    }

    pub(super) fn dropped(&self) -> Option<u64> {
        self.rare.as_ref().and_then(|rare| rare.dropped)
    }

    /// The URI as the server sees it, with scheme and host.
    fn whole_uri<'a, T: Target + ?Sized>(&self, target: &'a T) -> Result<Cow<'a, Uri>, Error> {
        let uri = target.to_uri()?;
        if uri.authority().is_some() {
            return Ok(uri);
        }
        match &self.authorizer.rules().at {
            Some(at) => at.complete(&uri).map(Cow::Owned),
            None => Err(Error::destination(
                "a proof of possession names where its request goes, and this one has no authority: put the layer below the one that completes its URI, or say at(origin)",
            )),
        }
    }

    /// Lets what sends the request again below the adapter make another proof for that: puts a
    /// [`FreshProof`](crate::adapter::FreshProof) into the request's extensions if its credential has proofs.
    #[inline]
    pub fn offer_proofs(&self, extensions: &mut Extensions) {
        if self.rare.is_some() {
            self.offer_proofs_of_bound(extensions);
        }
    }

    #[cold]
    fn offer_proofs_of_bound(&self, extensions: &mut Extensions) {
        if let Some(proof) = self.bound().and_then(Bound::fresh_proof) {
            extensions.insert(proof);
        }
    }

    /// Lets the proof see the answer, and says whether another one would differ.
    #[cold]
    pub(super) fn observed(&self, answer: &Answer<'_>) -> bool {
        let bound = self.bound();
        bound.is_some_and(|bound| bound.answered(answer.status, answer.headers))
    }

    #[cold]
    pub(super) fn prove_again(
        &mut self,
        answer: &Answer<'_>,
        replayable: impl FnOnce() -> bool,
    ) -> Next {
        let Some(bound) = self.bound() else {
            return Next::Return;
        };
        let credential = bound.credential().clone();
        if !self.may_send_again(answer, replayable) {
            return Next::Return;
        }
        self.proved_again = true;
        self.cause = ReplayCause::ProvedAgain;
        Next::Again(Box::new(Acquired {
            credential,
            waited: false,
        }))
    }

    fn bound(&self) -> Option<&Bound> {
        self.rare.as_ref()?.bound.as_ref()
    }
}

fn has_outlived(credential: &Credential, presented: &str) -> bool {
    let bound = credential.certificate_thumbprint();
    bound.is_some_and(|bound| bound != presented)
}
