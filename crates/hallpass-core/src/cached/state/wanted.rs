//! What a caller is to do: take a credential, wait, or give up; and which fetch it starts.

use std::{sync::Arc, time::Duration};

use super::{Current, Machine, PendingFetch, State, Trial};
use crate::{Credential, Error, Moment, Reason};

/// Which credential a caller wants, and how long it can wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Want {
    /// One of this generation was refused.
    pub(crate) other_than: Option<u64>,
    /// The outcome of a fetch that began after this number.
    pub(crate) after: Option<u64>,
    /// Whether its request can be sent a second time.
    pub(crate) replayable: bool,
    /// The newest fetch that had ended when it came.
    pub(crate) since: u64,
    /// For how much longer it waits out failures.
    pub(crate) patience: Duration,
}

impl Want {
    /// Of somebody who only starts what is to be started.
    pub(crate) const NOTHING: Self = Self {
        other_than: None,
        after: None,
        replayable: false,
        since: u64::MAX,
        patience: Duration::ZERO,
    };
}

/// What a caller is to do.
#[derive(Debug)]
pub(crate) enum Wanted {
    Use(Arc<Current>),
    /// Take this one, whose life is over already but which came for those who waited.
    Take(Credential),
    /// Wait for a change, at most until then.
    Wait(Option<Duration>),
    /// Give up.
    Fail(Error),
}

/// What a caller is to do, and which fetch it is to start besides.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) wanted: Wanted,
    pub(crate) begin: Option<(u64, Reason)>,
}

impl Step {
    fn of(wanted: Wanted) -> Self {
        Self {
            wanted,
            begin: None,
        }
    }
}

impl Machine {
    /// A caller wants a credential. `version` is the source's.
    pub(crate) fn wanted(&mut self, now: Moment, version: u64, want: &Want) -> Step {
        self.lapse(now);
        if let Some(number) = want.after {
            return self.wanted_after(now, number);
        }
        if let State::FellBack(fell_back) = &mut self.state
            && want.other_than.is_none()
            && want.replayable
            && fell_back.probe.passed(now)
        {
            fell_back.probe = now.plus(fell_back.gap);
            fell_back.probing = true;
            return Step::of(Wanted::Use(Arc::clone(&fell_back.successor.token)));
        }
        match &mut self.state {
            State::Empty => self.wanted_anew(now, version, want, None),
            State::Suspect(suspect) => {
                let token = Arc::clone(&suspect.token);
                if want.other_than.is_none() {
                    if suspect.trial == Trial::Open {
                        let begin = self.begin_unless_backing_off(now, version, Reason::Rejected);
                        return Step {
                            wanted: Wanted::Use(token),
                            begin,
                        };
                    }
                    if suspect.trial == Trial::Awaited && want.replayable {
                        suspect.trial = Trial::Held;
                        let begin = self.begin_unless_backing_off(now, version, Reason::Rejected);
                        return Step {
                            wanted: Wanted::Use(token),
                            begin,
                        };
                    }
                }
                let begin = self.begin_unless_backing_off(now, version, Reason::Rejected);
                if self.pending.is_none() {
                    // No replacement can be had now: the suspect serves on.
                    self.open_trial();
                    return Step::of(Wanted::Use(token));
                }
                let wanted = self.waiting_ends(now, &token);
                Step { wanted, begin }
            }
            // It is not renewed and used to its end: its successor is there.
            State::FellBack(fell_back) => Step::of(Wanted::Use(Arc::clone(&fell_back.predecessor))),
            State::Unproven(_) | State::Proven(_) => self.wanted_in_hand(now, version, want),
        }
    }

    fn wanted_in_hand(&mut self, now: Moment, version: u64, want: &Want) -> Step {
        let Some(token) = self.state.token().cloned() else {
            return self.wanted_anew(now, version, want, None);
        };
        if want.other_than == Some(token.generation()) {
            // Whoever was refused gets the replacement that is on its way, or nothing else.
            let replacing = self
                .pending
                .is_some_and(|pending| pending.reason == Reason::Rejected);
            return Step::of(if replacing {
                self.waiting_ends(now, &token)
            } else {
                Wanted::Use(token)
            });
        }
        if token.unusable.passed(now) {
            return self.wanted_anew(now, version, want, Some(&token));
        }
        let renew = token.due.passed(now) && !token.renewal_deferred(now);
        let begin = if renew {
            self.begin_unless_backing_off(now, version, Reason::Ahead)
        } else {
            None
        };
        Step {
            wanted: Wanted::Use(token),
            begin,
        }
    }

    /// There is none, or only one in its last moments: fetch one and wait.
    fn wanted_anew(
        &mut self,
        now: Moment,
        version: u64,
        want: &Want,
        last_moments: Option<&Arc<Current>>,
    ) -> Step {
        // A credential that came for those who waited serves them, however short its life.
        if let Some((number, Ok(credential))) = &self.last
            && *number > want.since
            && last_moments.is_none()
            && self.grace.is_some_and(|until| !until.passed(now))
        {
            return Step::of(Wanted::Take(credential.clone()));
        }
        if let Some(pending) = self.pending {
            // A renewal that is silent for longer than this is as good as failed.
            let silent = pending.began.plus(self.policy.renewal_gap);
            return Step::of(match last_moments {
                Some(token) if silent.passed(now) => Wanted::Use(Arc::clone(token)),
                Some(_) => Wanted::Wait(Some(silent.left(now))),
                None => Wanted::Wait(None),
            });
        }
        self.failures.hurry(now, &self.policy);
        if let Some(remembered) = self.failures.in_force(now, version) {
            if let Some(token) = last_moments {
                return Step::of(Wanted::Use(Arc::clone(token)));
            }
            let worth_waiting =
                !remembered.error.is_permanent() && remembered.left <= want.patience;
            return Step::of(if worth_waiting {
                Wanted::Wait(Some(remembered.left))
            } else {
                Wanted::Fail(remembered.error.clone().after(remembered.left))
            });
        }
        if want.patience.is_zero()
            && last_moments.is_none()
            && let Some((number, Err(error))) = &self.last
            && *number > want.since
        {
            return Step::of(Wanted::Fail(error.clone()));
        }
        let reason = if self.generation == 0 {
            Reason::First
        } else {
            Reason::Expired
        };
        let begin = self.begin(now, reason);
        let wanted = match last_moments {
            // Renewals fail: the token is used to its end, without waiting for the next failure.
            Some(token) if self.failures.any() => Wanted::Use(Arc::clone(token)),
            last_moments => Wanted::Wait(last_moments.map(|_| self.policy.renewal_gap)),
        };
        Step {
            wanted,
            begin: Some(begin),
        }
    }

    /// The outcome of a fetch that began after the one of this number, whatever there is in hand.
    fn wanted_after(&mut self, now: Moment, number: u64) -> Step {
        match &self.last {
            Some((ended, Ok(credential))) if *ended > number && self.is_good(now, credential) => {
                Step::of(Wanted::Take(credential.clone()))
            }
            Some((ended, Err(error))) if *ended > number => Step::of(Wanted::Fail(error.clone())),
            _ if self.pending.is_some() => Step::of(Wanted::Wait(None)),
            _ => {
                let reason = match self.state {
                    State::Empty if self.generation == 0 => Reason::First,
                    State::Empty => Reason::Expired,
                    _ => Reason::Ahead,
                };
                let begin = self.begin(now, reason);
                Step {
                    wanted: Wanted::Wait(None),
                    begin: Some(begin),
                }
            }
        }
    }

    /// Whether what a fetch brought is not over, or came for those who waited: a caller may look
    /// long after that.
    fn is_good(&self, now: Moment, credential: &Credential) -> bool {
        let is_kept = |token: &Arc<Current>| {
            token.generation() == credential.generation() && !token.end.passed(now)
        };
        let successor = match &self.state {
            State::FellBack(fell_back) => Some(&fell_back.successor.token),
            _ => None,
        };
        let mut kept = self.state.token().into_iter().chain(successor);
        kept.any(is_kept) || self.grace.is_some_and(|until| !until.passed(now))
    }

    /// Whoever waits for a replacement takes the suspect after all once patience is over. One that
    /// was refused has its first answer then.
    fn waiting_ends(&self, now: Moment, suspect: &Arc<Current>) -> Wanted {
        let began = self.pending.map_or(now, |pending| pending.began);
        let enough = began.plus(self.policy.patience);
        if enough.passed(now) {
            Wanted::Use(Arc::clone(suspect))
        } else {
            Wanted::Wait(Some(enough.left(now)))
        }
    }

    /// Begins a fetch, unless one is pending or the last failure is too fresh.
    fn begin_unless_backing_off(
        &mut self,
        now: Moment,
        version: u64,
        reason: Reason,
    ) -> Option<(u64, Reason)> {
        if self.pending.is_some() {
            return None;
        }
        if let Some(remembered) = self.failures.in_force(now, version) {
            // Look now and then whether the source has changed.
            let pause = remembered.left.min(self.policy.renewal_gap);
            if let Some(token) = self.state.token() {
                token.defer_renewal(now.plus(pause));
            }
            return None;
        }
        Some(self.begin(now, reason))
    }

    fn begin(&mut self, now: Moment, reason: Reason) -> (u64, Reason) {
        let overdue = now.plus(self.policy.overdue());
        if let Some(token) = self.state.token() {
            token.defer_renewal(overdue);
        }
        self.fetches += 1;
        self.pending = Some(PendingFetch {
            number: self.fetches,
            reason,
            began: now,
            overdue: overdue.monotonic,
        });
        (self.fetches, reason)
    }
}
