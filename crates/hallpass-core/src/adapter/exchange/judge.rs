//! What an answer says of the credential that the request carried, and what happens next.

use http::StatusCode;

use super::{Exchange, Next};
use crate::{
    Challenges, Rejection,
    adapter::{Answer, Demand, Hop, Renewal, Target, evidence::judge, place::Place},
    observe::ReplayCause,
    origin::{Allowed, Destination},
    target::destination,
    verdict::{GRPC_STATUS, Verdict, accepts, is_grpc},
};

/// Three sends: more never helped where these did not.
const MOST_SENDS: u8 = 3;

impl Exchange {
    /// Which hop gave an answer that something below says to come from this URI, after it has
    /// followed redirects or not.
    pub fn hop<T: Target + ?Sized>(&self, answered: &T) -> Hop {
        let parts = match destination(answered) {
            Destination::Known(parts) => parts,
            Destination::Unstated => return Hop::Followed,
            Destination::Foreign(_) => return Hop::Elsewhere,
        };
        let rules = self.authorizer.rules();
        let ours = match (self.place, rules.allowed(self.own())) {
            (Place::Listed(at), Allowed::Only(set)) => {
                set.get(at as usize).is_some_and(|origin| origin.is(&parts))
            }
            (Place::At { .. }, _) => rules.at.as_ref().is_some_and(|at| at.is(&parts)),
            (Place::Hashed(_), _) => self.place == Place::hashed(&parts),
            (Place::Unknown, _) => true,
            _ => self.binder().bound_to().iter().any(|one| one.is(&parts)),
        };
        if ours { Hop::Followed } else { Hop::Elsewhere }
    }

    /// Judges an answer, and tells the engine. `replayable` says whether the adapter could send the
    /// request again; it is only asked if that matters.
    #[inline]
    pub fn answered(&mut self, answer: &Answer<'_>, replayable: impl FnOnce() -> bool) -> Next {
        // Nothing of ours was on it: it was left alone, or its client did not send it at all.
        let verdict = if answer.hop == Hop::Elsewhere || self.sent == 0 {
            return Next::Return;
        } else if answer.refused_by_body {
            Verdict::Reject
        } else {
            let Answer {
                status, headers, ..
            } = *answer;
            judge(&self.authorizer, self.own(), status, headers)
        };
        // Every answer may bring what the next proof needs.
        let can_prove = self.rare.is_some() && self.observed(answer);
        match verdict {
            Verdict::Keep => {
                let rules = self.authorizer.rules();
                if self.reports || rules.evidence || answer.status.is_client_error() {
                    self.kept(answer);
                }
                Next::Return
            }
            Verdict::ProveAgain | Verdict::ProveAgainOrReject
                if can_prove && !self.proved_again =>
            {
                self.prove_again(answer, replayable)
            }
            Verdict::ProveAgain => Next::Return,
            Verdict::Reject | Verdict::ProveAgainOrReject => self.refused(answer, replayable),
        }
    }

    /// What else a good answer tells; most tell nothing.
    #[cold]
    fn kept(&mut self, answer: &Answer<'_>) {
        let Answer {
            status, headers, ..
        } = *answer;
        if self.reports && accepts(status, headers) {
            self.cached().accept_generation(self.generation);
        }
        if self.authorizer.rules().evidence {
            self.open =
                status == StatusCode::OK && is_grpc(headers) && !headers.contains_key(GRPC_STATUS);
        }
        if status.is_client_error()
            && let Some(demand) = Demand::of(status, headers)
        {
            self.rare.get_or_insert_default().demand = Some(demand);
        }
    }

    #[cold]
    fn refused(&mut self, answer: &Answer<'_>, replayable: impl FnOnce() -> bool) -> Next {
        let (cached, generation) = (self.cached(), self.generation);
        let challenges = Challenges::of(answer.headers);
        let rejection = if self.replaced {
            // That of a replacement drops nothing: the fault may well be the request's own.
            cached.replacement_refused(generation, &challenges)
        } else {
            cached.reject_generation(generation, &challenges)
        };
        let spent = match rejection {
            Rejection::Kept => return Next::Return,
            Rejection::FellBack => self.fell_back,
            Rejection::Suspected | Rejection::Superseded => false,
        };
        if spent || !self.may_send_again(answer, replayable) {
            return Next::Return;
        }
        if rejection == Rejection::FellBack {
            self.fell_back = true;
            self.cause = ReplayCause::FellBack;
        } else {
            self.replaced = true;
            self.cause = ReplayCause::Renewed;
        }
        Next::Renew(Box::new(Renewal::of(self.cached(), self.generation)))
    }

    /// Only the hop that answered says that it did nothing. Behind a follower it need not be the one
    /// that would be sent to again.
    pub(super) fn may_send_again(
        &self,
        answer: &Answer<'_>,
        replayable: impl FnOnce() -> bool,
    ) -> bool {
        self.sent < MOST_SENDS && (self.safe || answer.hop == Hop::Sent) && replayable()
    }
}
