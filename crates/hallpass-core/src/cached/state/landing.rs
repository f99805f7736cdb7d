//! How a fetch ends: with a credential, with an error, or without an outcome.

use std::{sync::Arc, time::Duration};

use super::{Affected, Current, Discarded, Machine, PendingFetch, State, Times, Unproven};
use crate::{Credential, Error, Moment, Reason, cached::backoff::Vain};

/// What a source brought, and when and under which version it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Brought {
    pub(crate) credential: Credential,
    pub(crate) sent: Moment,
    pub(crate) version: u64,
    /// Whether it was there before it was asked for: then it is no answer to a refusal.
    pub(crate) existing: bool,
}

impl Machine {
    /// Fetch `number` brought a credential. Returns it with its generation.
    ///
    /// A fetch that was given up lands all the same, if nothing newer has.
    pub(crate) fn landed(
        &mut self,
        now: Moment,
        number: u64,
        brought: Brought,
        random: f64,
    ) -> Option<Credential> {
        self.lapse(now);
        let pending = self.end_fetch(number);
        if number <= self.ended() {
            let late = brought.credential;
            self.discarded.push(Discarded::Credential(late));
            return None;
        }
        let reason = pending.map_or(Reason::Expired, |pending| pending.reason);
        self.forget_failures();
        let credential = self.keep(now, number, reason, brought, random);
        self.note_end(number, Ok(credential.clone()));
        let graced = self.state.token().is_some_and(|token| token.graced);
        self.grace = graced.then(|| now.plus(self.policy.patience));
        Some(credential)
    }

    /// Ends the pending fetch, if it is this one.
    fn end_fetch(&mut self, number: u64) -> Option<PendingFetch> {
        self.pending.take_if(|pending| pending.number == number)
    }

    fn note_end(&mut self, number: u64, outcome: Result<Credential, Error>) {
        self.grace = None;
        match self.last.replace((number, outcome)) {
            Some((_, Ok(credential))) => self.discarded.push(Discarded::Credential(credential)),
            Some((_, Err(error))) => self.discarded.push(Discarded::Error(error)),
            None => {}
        }
    }

    fn forget_failures(&mut self) {
        let old = self.failures.clear();
        self.discarded.extend(old.map(Discarded::Error));
    }

    fn keep(
        &mut self,
        now: Moment,
        number: u64,
        reason: Reason,
        brought: Brought,
        random: f64,
    ) -> Credential {
        let Brought {
            credential,
            sent,
            version,
            existing,
        } = brought;
        let times = Times::of(&credential, sent, now, &self.policy, random);
        let state = std::mem::replace(&mut self.state, State::Empty);
        if let Some(known) = known_generation(&state, &credential) {
            let credential = credential.numbered(known);
            let times = times.of_same_secret(now, &self.policy);
            let token = Arc::new(Current::new(credential.clone(), times, version));
            self.state = self.renewed(now, number, state, token);
            return credential;
        }
        let old = state.token().cloned();
        let displaced = match (&state, &old) {
            (State::Suspect(_) | State::Empty, _) | (_, None) => None,
            (_, Some(old)) => Some(old),
        };
        if reason == Reason::Ahead
            && let Some(old) = displaced
            && old.version == version
            && !self.traits.kills_old
            && times.end.monotonic < old.end.monotonic
            && old.ends()
        {
            // Shorter-lived than the one in hand: that one is worth more.
            old.defer_renewal(now.plus(self.policy.renewal_gap));
            let kept = old.credential.clone();
            self.state = state;
            self.discarded.push(Discarded::Credential(credential));
            return kept;
        }
        let predecessor = displaced
            .filter(|old| {
                old.version == version
                    && !self.traits.kills_old
                    && old.credential.scope() == credential.scope()
            })
            .cloned();
        let replacement = matches!(state, State::Suspect(_)) && reason == Reason::Rejected;
        // Servers know what was there before. But if refusals meant little lately, it is not followed
        // by yet another.
        let known = replacement && existing && !self.rejections.is_sceptical();
        let settling = if known {
            Duration::ZERO
        } else {
            self.policy.settling
        };
        self.generation += 1;
        let credential = credential.numbered(self.generation);
        let token = Arc::new(Current::new(credential.clone(), times, version));
        self.state = State::Unproven(Unproven {
            token,
            predecessor,
            replacement: replacement.then_some(number),
            settled: now.plus(settling),
        });
        self.discard_tokens(&state);
        credential
    }

    /// The state once a secret that is known has come again, with a new life.
    fn renewed(&mut self, now: Moment, number: u64, state: State, token: Arc<Current>) -> State {
        self.discard_tokens(&state);
        match state {
            State::Empty => State::Empty,
            State::Unproven(unproven) => State::Unproven(Unproven { token, ..unproven }),
            State::Proven(_) => {
                token.report(false);
                State::Proven(token)
            }
            State::FellBack(mut fell_back) => {
                if fell_back.predecessor.generation() == token.generation() {
                    fell_back.predecessor = token;
                } else {
                    fell_back.successor.token = token;
                }
                State::FellBack(fell_back)
            }
            // The issuer insists on what was refused: that is no news, and it is kept.
            State::Suspect(_) => {
                self.rejections
                    .bump(now, number, Vain::RefusedAgain, &self.policy);
                // Not proven any more either: else every third refusal would ask once more.
                State::Unproven(Unproven {
                    token,
                    predecessor: None,
                    replacement: Some(number),
                    settled: now,
                })
            }
        }
    }

    /// Keeps what a state holds until the lock is released, whatever becomes of the state.
    pub(super) fn discard_tokens(&mut self, state: &State) {
        let (one, other) = match state {
            State::Empty => (None, None),
            State::Unproven(unproven) => (Some(&unproven.token), unproven.predecessor.as_ref()),
            State::FellBack(fell_back) => (
                Some(&fell_back.predecessor),
                Some(&fell_back.successor.token),
            ),
            State::Proven(token) => (Some(token), None),
            State::Suspect(suspect) => (Some(&suspect.token), None),
        };
        let all = one.into_iter().chain(other).cloned();
        self.discarded.extend(all.map(Discarded::Current));
    }

    /// Fetch `number` failed. `version` is what the source's was when it began. Returns the error
    /// for those who wait, with the gap.
    pub(crate) fn failed(
        &mut self,
        now: Moment,
        number: u64,
        error: &Error,
        version: u64,
        waiting: bool,
        random: f64,
    ) -> Option<Error> {
        self.lapse(now);
        self.end_fetch(number)?;
        let works = match &self.state {
            State::Empty | State::Suspect(_) => false,
            State::Unproven(_) | State::FellBack(_) | State::Proven(_) => true,
        };
        if error.is_interrupted() {
            let (gap, old) =
                self.failures
                    .note_interrupted(now, error, version, works, &self.policy);
            self.discarded.extend(old.map(Discarded::Error));
            self.defer(now, gap);
            return Some(error.clone());
        }
        let affected = Affected { works, waiting };
        let (gap, old) = self
            .failures
            .note(now, error, version, affected, random, &self.policy);
        self.discarded.extend(old.map(Discarded::Error));
        self.defer(now, gap.min(self.policy.renewal_gap));
        self.open_trial();
        let error = error.clone().after(gap);
        self.note_end(number, Err(error.clone()));
        Some(error)
    }

    /// Lets nobody try a renewal for a while.
    fn defer(&self, now: Moment, gap: Duration) {
        if let Some(token) = self.state.token() {
            token.defer_renewal(now.plus(gap));
        }
    }

    /// The pending fetch is given up without an outcome, because its runtime is stuck or gone.
    pub(crate) fn lost(&mut self) {
        self.pending = None;
        if let Some(token) = self.state.token() {
            token.allow_renewal();
        }
    }

    /// A second attempt brought this beside the one that was taken. It is kept in case that one is
    /// refused, until an answer shows that the issuer has not ended the one for the other.
    pub(crate) fn keep_spare(&mut self, brought: Brought) {
        let known = known_generation(&self.state, &brought.credential).is_some();
        if known || self.traits.kills_old {
            self.discarded
                .push(Discarded::Credential(brought.credential));
            return;
        }
        if let Some(token) = self.state.token() {
            token.report(true);
        }
        let old = self.spare.replace(Box::new(brought));
        self.discarded
            .extend(old.map(|old| Discarded::Credential(old.credential)));
    }

    /// Takes the spare in place of the suspect, without a fetch.
    pub(super) fn take_spare(&mut self, now: Moment) {
        let Some(brought) = self.spare.take() else {
            return;
        };
        let times = Times::of(&brought.credential, brought.sent, now, &self.policy, 0.0);
        if self.pending.is_some() || times.graced {
            self.discarded
                .push(Discarded::Credential(brought.credential));
            return;
        }
        self.fetches += 1;
        let number = self.fetches;
        let brought = Brought {
            existing: true,
            ..*brought
        };
        let credential = self.keep(now, number, Reason::Rejected, brought, 0.0);
        self.note_end(number, Ok(credential));
    }
}

/// The generation of a secret that is in use already. A predecessor that comes again is not what
/// serves: it becomes a new credential.
fn known_generation(state: &State, credential: &Credential) -> Option<u64> {
    let successor = match state {
        State::FellBack(fell_back) => Some(&fell_back.successor.token),
        _ => None,
    };
    state
        .token()
        .into_iter()
        .chain(successor)
        .find(|known| known.credential.same_secret(credential))
        .map(|known| known.generation())
}
