//! What answers say of a credential: accepted or refused.

use std::sync::Arc;

use super::{Discarded, FellBack, Machine, Rejection, State, Suspect, Trial, Unproven};
use crate::{
    Moment,
    cached::{backoff::Vain, current::Current},
};

impl Machine {
    /// A server refused the credential of this generation. `version` is the source's.
    pub(crate) fn refused(&mut self, now: Moment, generation: u64, version: u64) -> Rejection {
        self.lapse(now);
        let is_current = self
            .state
            .token()
            .is_some_and(|token| token.generation() == generation);
        if !is_current {
            return self.refused_beside(now, generation);
        }
        if self.traits.fixed {
            return Rejection::Kept;
        }
        self.rejections.refused(now, &self.policy);
        match std::mem::replace(&mut self.state, State::Empty) {
            State::Empty => Rejection::Superseded,
            State::Unproven(unproven) => self.refused_unproven(now, version, unproven),
            State::FellBack(fell_back) => self.refused_predecessor(now, version, fell_back),
            State::Proven(token) => self.refused_proven(now, version, token),
            State::Suspect(suspect) => {
                self.state = State::Suspect(suspect);
                if self.can_be_replaced(now, version) {
                    Rejection::Suspected
                } else {
                    Rejection::Kept
                }
            }
        }
    }

    /// Another credential serves already. If this was the successor that had a try, the next one
    /// waits longer; requests that left before the fall-back count for nothing.
    fn refused_beside(&mut self, now: Moment, generation: u64) -> Rejection {
        if let State::FellBack(fell_back) = &mut self.state
            && fell_back.successor.token.generation() == generation
            && fell_back.probing
        {
            fell_back.probing = false;
            fell_back.gap = fell_back.gap.saturating_mul(2);
            fell_back.probe = now.plus(fell_back.gap);
        }
        Rejection::Superseded
    }

    /// The credential of this generation was refused by a request that carried it in place of another
    /// that was refused. That never takes it from others, but such replacements are fetched ever more
    /// rarely. A replacement with nothing to settle is refused like any other: it was there before,
    /// and may be as dead as the first.
    pub(crate) fn replay_refused(
        &mut self,
        now: Moment,
        generation: u64,
        version: u64,
    ) -> Rejection {
        self.lapse(now);
        let fetch = match &self.state {
            State::Unproven(unproven)
                if unproven.token.generation() == generation
                    && (unproven.replacement.is_none() || !unproven.settled.passed(now)) =>
            {
                unproven.replacement.unwrap_or(self.ended())
            }
            State::Proven(token) if token.generation() == generation => self.ended(),
            _ => return self.refused(now, generation, version),
        };
        self.rejections.refused(now, &self.policy);
        self.rejections
            .bump(now, fetch, Vain::RefusedAgain, &self.policy);
        Rejection::Kept
    }

    fn refused_unproven(&mut self, now: Moment, version: u64, mut unproven: Unproven) -> Rejection {
        let young = !unproven.settled.passed(now);
        if let Some(predecessor) = unproven.predecessor.take() {
            if young && !predecessor.end.passed(now) {
                predecessor.report(true);
                let gap = self.policy.probe_gap;
                self.state = State::FellBack(Box::new(FellBack {
                    predecessor,
                    accepted: false,
                    successor: unproven,
                    probe: now.plus(gap),
                    probing: false,
                    gap,
                }));
                return Rejection::FellBack;
            }
            self.discard(predecessor);
        }
        let replacement = unproven.replacement;
        let rejection = if self.rejections.holds(now) || (replacement.is_some() && young) {
            self.state = State::Unproven(unproven);
            Rejection::Kept
        } else {
            self.suspect(now, version, unproven.token)
        };
        if let Some(fetch) = replacement {
            self.rejections
                .bump(now, fetch, Vain::RefusedAgain, &self.policy);
        }
        rejection
    }

    fn refused_predecessor(
        &mut self,
        now: Moment,
        version: u64,
        mut fell_back: Box<FellBack>,
    ) -> Rejection {
        if fell_back.predecessor.unusable.passed(now) {
            // In its last moments it is refused for its age, which says nothing of the successor.
            self.discard(fell_back.predecessor);
            self.state = State::Unproven(fell_back.successor);
            return Rejection::Superseded;
        }
        if fell_back.accepted {
            fell_back.accepted = false;
            fell_back.predecessor.report(true);
            self.state = State::FellBack(fell_back);
            return Rejection::Kept;
        }
        // Both are refused and neither is accepted: both are dead.
        self.discarded
            .push(Discarded::Current(fell_back.predecessor));
        self.suspect(now, version, fell_back.successor.token)
    }

    fn refused_proven(&mut self, now: Moment, version: u64, token: Arc<Current>) -> Rejection {
        token.report(true);
        self.unaccepted = self.unaccepted.saturating_add(1);
        let overridden = self.unaccepted >= self.policy.rejection_override;
        if self.rejections.holds(now) && !overridden {
            self.state = State::Proven(token);
            return Rejection::Kept;
        }
        self.suspect(now, version, token)
    }

    fn suspect(&mut self, now: Moment, version: u64, token: Arc<Current>) -> Rejection {
        token.report(true);
        token.allow_renewal();
        let can_be_replaced = self.can_be_replaced(now, version);
        let trial = if can_be_replaced && !self.rejections.is_sceptical() {
            Trial::Awaited
        } else {
            Trial::Open
        };
        self.unaccepted = 0;
        self.state = State::Suspect(Suspect { token, trial });
        if !can_be_replaced {
            return Rejection::Kept;
        }
        self.take_spare(now);
        Rejection::Suspected
    }

    /// Whether a replacement is on its way, or may be asked for now. If not, it may be soon: a gap
    /// that was chosen while the suspect worked is too long for those who are refused.
    fn can_be_replaced(&mut self, now: Moment, version: u64) -> bool {
        self.failures.hurry(now, &self.policy);
        self.pending.is_some() || self.failures.in_force(now, version).is_none()
    }

    /// Everybody goes with the suspect from now on.
    pub(super) fn open_trial(&mut self) {
        if let State::Suspect(suspect) = &mut self.state {
            suspect.trial = Trial::Open;
        }
    }

    /// An answer accepted the credential of this generation.
    pub(crate) fn accepted(&mut self, now: Moment, generation: u64) {
        self.lapse(now);
        if let State::FellBack(fell_back) = &mut self.state {
            if fell_back.predecessor.generation() == generation {
                fell_back.accepted = true;
                fell_back.predecessor.report(false);
            } else if fell_back.successor.token.generation() == generation {
                let token = Arc::clone(&fell_back.successor.token);
                let old = Arc::clone(&fell_back.predecessor);
                self.discarded.push(Discarded::Current(old));
                self.proven(token);
            }
            return;
        }
        let Some(token) = self
            .state
            .token()
            .filter(|token| token.generation() == generation)
            .cloned()
        else {
            return;
        };
        if let State::Suspect(_) = self.state {
            self.contradicted(now);
        }
        if let State::Unproven(Unproven {
            predecessor: Some(old),
            ..
        }) = &self.state
        {
            self.discarded.push(Discarded::Current(Arc::clone(old)));
        }
        self.proven(token);
    }

    /// Refused here and accepted there: a replacement will hardly fare better.
    pub(crate) fn contradicted(&mut self, now: Moment) {
        let fetch = self.pending.map_or(self.fetches, |pending| pending.number);
        self.rejections
            .bump(now, fetch.max(1), Vain::Contradicted, &self.policy);
    }

    fn proven(&mut self, token: Arc<Current>) {
        self.unaccepted = 0;
        // Accepted although a second one is there: whatever ends it later, ends that one as well.
        let spare = self.spare.take();
        self.discarded
            .extend(spare.map(|spare| Discarded::Credential(spare.credential)));
        token.report(false);
        self.state = State::Proven(token);
    }
}
