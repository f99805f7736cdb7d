//! [`Evidence`]: what becomes of the credential of a call whose end is still to come.

use http::{HeaderMap, StatusCode};

use super::{Authorizer, bound::Bound};
use crate::{
    Cached, Challenges,
    verdict::{GRPC_STATUS, Verdict, accepts, verdict},
};

/// Tells the engine how a gRPC call ended whose head said nothing about it.
///
/// A server sends the head of an answer before it has looked at the call, so a head alone is no
/// proof that the credential was accepted. A message is, and so is a status of 0.
/// [`Authorizer::report_evidence`] puts one among the extensions of every such response; the adapter
/// takes it out and feeds it with what it sees of the body.
#[derive(Debug, Clone)]
pub struct Evidence {
    authorizer: Authorizer,
    own: Option<Cached>,
    generation: u64,
    /// Whether an acceptance is still worth reporting.
    reports: bool,
    /// What the credential is bound to, if anything.
    bound: Option<Box<Bound>>,
    /// Whether a message has come.
    accepted: bool,
}

impl Evidence {
    pub(super) fn new(
        authorizer: &Authorizer,
        own: Option<&Cached>,
        generation: u64,
        reports: bool,
        bound: Option<Bound>,
    ) -> Self {
        Self {
            authorizer: authorizer.clone(),
            own: own.cloned(),
            generation,
            reports,
            bound: bound.map(Box::new),
            accepted: false,
        }
    }

    /// A message has come.
    #[inline]
    pub fn message(&mut self) {
        self.accepted = true;
        if self.reports {
            self.reports = false;
            self.cached().accept_generation(self.generation);
        }
    }

    /// The trailers have come. A call that is refused only now was not made in vain, and is not
    /// sent again; the credential is renewed for those to come.
    pub fn ended(mut self, trailers: &HeaderMap) {
        let (own, status) = (self.own.as_ref(), StatusCode::OK);
        // The next call's proof may need what they bring.
        let bound = self.bound.as_ref();
        let wants_proof = bound.is_some_and(|bound| bound.answered(status, trailers));
        let is_refused = match judge(&self.authorizer, own, status, trailers) {
            Verdict::Reject => true,
            Verdict::ProveAgainOrReject => !wants_proof,
            Verdict::Keep | Verdict::ProveAgain => false,
        };
        if is_refused {
            let challenges = Challenges::of(trailers);
            if self.accepted {
                self.cached().reject_accepted(self.generation, &challenges);
            } else {
                self.cached()
                    .reject_generation(self.generation, &challenges);
            }
        } else if is_status(trailers) && accepts(StatusCode::OK, trailers) {
            self.message();
        }
    }

    fn cached(&self) -> &Cached {
        self.own.as_ref().unwrap_or(self.authorizer.cached())
    }
}

fn is_status(trailers: &HeaderMap) -> bool {
    trailers.contains_key(GRPC_STATUS)
}

/// Judges by what the user, the credential's source and the protocol say of an answer.
#[inline]
pub(super) fn judge(
    authorizer: &Authorizer,
    own: Option<&Cached>,
    status: StatusCode,
    headers: &HeaderMap,
) -> Verdict {
    let rules = authorizer.rules();
    let source = &own.unwrap_or(&rules.cached).description().rejected;
    if rules.rejected.by_head(status, headers) || source.by_head(status, headers) {
        Verdict::Reject
    } else {
        verdict(status, headers)
    }
}
