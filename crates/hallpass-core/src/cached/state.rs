//! The pure state machine: empty, fresh, due, ended, failing. Time and randomness are passed in.

use std::{sync::Arc, time::Duration};

use super::{
    current::{Current, Times},
    policy::{Policy, doubled},
};
use crate::{Credential, Error, Moment, Reason, credential::Life};

/// Invariants:
/// 1. At most one flight is under way; only [`Machine::wanted`] starts one, and exactly one of
///    `landed` and `lost` ends it.
/// 2. A current credential goes only when a newer one comes or when its own generation is rejected.
///    A failure never takes it.
/// 3. Generations only grow.
#[derive(Debug)]
pub(crate) struct Machine {
    policy: Policy,
    current: Option<Arc<Current>>,
    /// The number of the newest credential.
    generation: u64,
    /// The flight that is under way.
    flight: Option<Airborne>,
    flights: u64,
    /// Why the next flight without a usable credential would start.
    reason: Reason,
    failure: Option<Failure>,
    refused: Refused,
}

#[derive(Debug, Clone, Copy)]
struct Airborne {
    number: u64,
    reason: Reason,
    /// By then it has long missed its deadline: nobody drives its runtime. By the monotonic clock
    /// alone, because a flight does not go on while the machine sleeps.
    overdue: Duration,
}

#[derive(Debug)]
struct Failure {
    error: Error,
    streak: u32,
    until: Moment,
    /// The source's version when it was asked.
    version: u64,
}

/// What rejections have led to since an answer last accepted a credential.
#[derive(Debug, Default)]
struct Refused {
    last: Option<Credential>,
    /// Fetches caused by a rejection whose credential was rejected in turn.
    streak: u32,
    counted: u64,
    until: Option<Moment>,
    /// How far into the future the fetches that rejections caused reach at the policy's pace
    /// (the generic cell rate algorithm); acceptance does not reset it.
    paid_until: Duration,
}

/// What a caller is to do.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// Take the current credential.
    Use(Arc<Current>),
    /// Take the current credential, and start this flight beside it.
    UseAndRenew(Arc<Current>, u64),
    /// Wait for the flight that is under way.
    Wait,
    /// Start this flight and wait for it.
    Fetch(u64, Reason),
    /// Give up: the last failure is too fresh.
    Fail(Error),
}

/// What a rejection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// The credential was the current one; another is being fetched to replace it.
    Suspected,
    /// It had only just replaced another one, which serves again.
    FellBack,
    /// It was an old one; there is a newer one already, or one is being fetched.
    Superseded,
    /// It was kept, because the credential fetched after the last rejection fared no better.
    /// Another attempt would most likely end the same way.
    Kept,
}

impl Machine {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            current: None,
            generation: 0,
            flight: None,
            flights: 0,
            reason: Reason::First,
            failure: None,
            refused: Refused::default(),
        }
    }

    pub(crate) fn current(&self) -> Option<&Arc<Current>> {
        self.current.as_ref()
    }

    pub(crate) fn flight(&self) -> Option<u64> {
        self.flight.map(|flight| flight.number)
    }

    /// A caller wants a credential. `version` is the source's.
    pub(crate) fn wanted(&mut self, now: Moment, version: u64) -> Wanted {
        if self
            .flight
            .is_some_and(|flight| flight.overdue <= now.monotonic)
        {
            self.lost();
        }
        let cooling = self.cooling(now, version);
        if let Some(current) = self.current.clone() {
            if !current.unusable.passed(now) {
                if !current.due.passed(now) || self.flight.is_some() {
                    return Wanted::Use(current);
                }
                if let Some(error) = cooling {
                    self.shut_while_cooling(now, error.retry_after());
                    return Wanted::Use(current);
                }
                let flight = self.take_off(now, Reason::Ahead);
                return Wanted::UseAndRenew(current, flight);
            }
            self.reason = Reason::Expired;
        }
        if self.flight.is_some() {
            return Wanted::Wait;
        }
        if let Some(error) = cooling {
            return Wanted::Fail(error);
        }
        Wanted::Fetch(self.take_off(now, self.reason), self.reason)
    }

    fn take_off(&mut self, now: Moment, reason: Reason) -> u64 {
        let overdue = now.plus(self.policy.patience());
        if let Some(current) = &self.current {
            current.shut_until(overdue);
        }
        self.flights += 1;
        self.flight = Some(Airborne {
            number: self.flights,
            reason,
            overdue: overdue.monotonic,
        });
        self.flights
    }

    /// Leaves the source alone for the rest of a gap, but looks now and then whether it changed.
    fn shut_while_cooling(&self, now: Moment, left: Option<Duration>) {
        if let Some(current) = &self.current {
            let pause = self.policy.renewal_gap;
            current.shut_until(now.plus(left.map_or(pause, |left| left.min(pause))));
        }
    }

    /// The remembered error while its gap lasts. A changed source ends a permanent one's at once.
    fn cooling(&self, now: Moment, version: u64) -> Option<Error> {
        let failure = self.failure.as_ref()?;
        let changed = failure.error.is_permanent() && failure.version != version;
        if changed || failure.until.passed(now) {
            return None;
        }
        Some(failure.error.clone().after(failure.until.left(now)))
    }

    /// The flight brought a credential. Returns it, numbered, for those who wait, and the lifetime
    /// that is left if it was kept.
    pub(crate) fn landed(
        &mut self,
        now: Moment,
        sent: Moment,
        credential: Credential,
        random: f64,
    ) -> (Credential, Option<Duration>) {
        let flight = self.flight.take();
        self.failure = None;
        // A flight that began before the rejection may bring a token that is just as dead, so it
        // is not put on probation: its rejection leads to another fetch.
        let rejected = flight.is_some_and(|flight| flight.reason == Reason::Rejected);
        let sticky = self
            .current
            .as_ref()
            .is_some_and(|current| current.credential.same_secret(&credential));
        // A static key that comes back after its rejection is no new credential: it keeps its
        // number, which tells the adapters that a replay is pointless.
        let unchanged = rejected
            && credential.life() == Life::Forever
            && self
                .refused
                .last
                .as_ref()
                .is_some_and(|last| last.same_secret(&credential));
        if !(sticky || unchanged) {
            self.generation += 1;
        }
        let credential = credential.numbered(self.generation);
        let jitter = if self.generation == 1 {
            self.policy.first_renewal_jitter
        } else {
            self.policy.renewal_jitter
        };
        let times = Times::of(&credential, sent, &self.policy, jitter * random);
        let probation = rejected
            || self
                .current
                .as_ref()
                .is_some_and(|current| sticky && current.reports());
        let kept = Current::new(
            credential.clone(),
            &times,
            &self.policy,
            now,
            sticky,
            probation,
        );
        let left = kept.as_ref().map(|kept| kept.unusable.left(now));
        self.reason = Reason::Expired;
        match kept {
            Some(kept) => {
                self.current = Some(Arc::new(kept));
                if unchanged {
                    self.refuse_again(now, credential.generation());
                }
            }
            None => self.pause_renewal(now),
        }
        (credential, left)
    }

    /// The flight failed. `version` is what the source's was when it started. Returns the error
    /// for those who wait: with the gap, as later callers will get it.
    pub(crate) fn failed(
        &mut self,
        now: Moment,
        error: &Error,
        version: u64,
        random: f64,
    ) -> Error {
        self.flight = None;
        if error.is_interrupted() {
            self.pause_renewal(now);
            return error.clone();
        }
        let streak = self
            .failure
            .as_ref()
            .filter(|last| last.error.is_permanent() == error.is_permanent())
            .filter(|last| last.version == version)
            .map_or(0, |last| last.streak)
            .saturating_add(1);
        let policy = &self.policy;
        // "At once" is no back-off: it is what a date in the past becomes where clocks differ.
        let asked = error.retry_after().filter(|asked| !asked.is_zero());
        let gap = match asked {
            Some(asked) => asked.min(crate::retry_after::CAP),
            None if error.is_permanent() => {
                doubled(policy.permanent_gap, streak, policy.permanent_gap_limit)
            }
            None => {
                doubled(policy.transient_gap, streak, policy.transient_gap_limit).mul_f64(random)
            }
        };
        let until = now.plus(gap);
        self.shut_while_cooling(now, Some(gap));
        self.failure = Some(Failure {
            error: error.clone(),
            streak,
            until,
            version,
        });
        error.clone().after(gap)
    }

    /// The flight is given up without an outcome, because its runtime is stuck or gone.
    pub(crate) fn lost(&mut self) {
        self.flight = None;
        if let Some(current) = &self.current {
            current.open();
        }
    }

    /// A renewal brought nothing to keep: the current credential stays, and is left alone a while.
    fn pause_renewal(&self, now: Moment) {
        if let Some(current) = &self.current {
            current.shut_until(now.plus(self.policy.renewal_gap));
        }
    }

    /// A server refused the credential of this generation.
    pub(crate) fn rejected(&mut self, now: Moment, generation: u64) -> Rejection {
        let Some(current) = self
            .current
            .take_if(|current| current.generation() == generation)
        else {
            return Rejection::Superseded;
        };
        let pace = self.policy.rejection_pace;
        let paid_until = self.refused.paid_until.max(now.monotonic);
        if paid_until.saturating_sub(now.monotonic)
            > pace.saturating_mul(self.policy.rejection_burst)
        {
            self.current = Some(current);
            return Rejection::Kept;
        }
        if current.reports() {
            let counted = self.refused.counted == generation;
            let waited = self.refused.until.is_some_and(|until| until.passed(now));
            if !(counted && waited) {
                if !counted {
                    self.refuse_again(now, generation);
                }
                self.current = Some(current);
                return Rejection::Kept;
            }
        }
        self.refused.paid_until = paid_until.saturating_add(pace);
        self.refused.last = Some(current.credential.clone());
        self.reason = Reason::Rejected;
        Rejection::Suspected
    }

    fn refuse_again(&mut self, now: Moment, generation: u64) {
        let policy = &self.policy;
        self.refused.counted = generation;
        self.refused.streak = self.refused.streak.saturating_add(1);
        let gap = doubled(
            policy.rejection_gap,
            self.refused.streak,
            policy.rejection_gap_limit,
        );
        self.refused.until = Some(now.plus(gap));
    }

    /// An answer accepted the credential of this generation.
    pub(crate) fn accepted(&mut self, generation: u64) {
        let current = self.current.as_ref();
        if let Some(current) = current.filter(|current| current.generation() == generation) {
            current.accept();
            self.refused = Refused {
                paid_until: self.refused.paid_until,
                ..Refused::default()
            };
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
