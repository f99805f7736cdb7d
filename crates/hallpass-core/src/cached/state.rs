//! The pure state machine of one credential. Time and randomness are passed in.
//!
//! ```text
//!              lands                  accepted
//!   Empty ───────────────▶ Unproven ────────────▶ Proven ◀────────────┐
//!     ▲                     │  ▲  ▲                 │ │                │ accepted
//!     │ over                │  │  │  renewal lands  │ │ refused        │ (contradicted)
//!     │        refused, has │  │  └─────────────────┘ └──▶ Suspect ────┘
//!     │        predecessor  ▼  │ predecessor over            │  │ ▲
//!     │                  FellBack                            │  └─┘ fetch fails: serves on
//!     │                     │ refused and not accepted       │
//!     │                     └───────────▶ Suspect ◀──────────┘ lands ──▶ Unproven
//! ```
//!
//! A refusal is a suspicion, not a sentence: nothing takes a credential away but its end or a
//! better one.

mod events;
mod landing;

use std::{sync::Arc, time::Duration};

pub(crate) use self::landing::Brought;
use super::{
    backoff::{Affected, Failures, RejectionBackoff},
    current::{Current, Times},
    policy::Policy,
};
use crate::{Credential, Error, Moment, Reason};

/// Invariants:
/// 1. At most one fetch is pending; only [`Machine::wanted`] begins one, and exactly one of
///    `landed`, `failed` and `lost` ends it.
/// 2. A credential goes only when it is over, or when a newer one comes. Neither a failure nor a
///    refusal takes it.
/// 3. Generations only grow, and a secret that comes again keeps its generation.
#[derive(Debug)]
pub(crate) struct Machine {
    policy: Policy,
    /// What the source says of its credentials.
    traits: Traits,
    state: State,
    /// The number of the newest credential.
    generation: u64,
    pending: Option<PendingFetch>,
    fetches: u64,
    /// The newest fetch that has ended, and how.
    last: Option<(u64, Result<Credential, Error>)>,
    failures: Failures,
    rejections: RejectionBackoff,
    /// Refusals of a proven credential since it was last accepted.
    unaccepted: u32,
    /// What a second attempt brought besides the one that was taken.
    spare: Option<Spare>,
    /// Errors and credentials to drop outside the lock: their `Drop` may be the user's.
    discarded: Vec<Discarded>,
}

/// What a source says of its credentials.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traits {
    /// It has one credential for ever.
    pub(crate) fixed: bool,
    /// A new one ends the one before.
    pub(crate) kills_old: bool,
}

#[derive(Debug)]
enum State {
    Empty,
    Unproven(Unproven),
    FellBack(FellBack),
    Proven(Arc<Current>),
    Suspect(Suspect),
}

/// No answer has accepted it yet.
#[derive(Debug)]
struct Unproven {
    token: Arc<Current>,
    /// The one that it displaced by a renewal ahead.
    predecessor: Option<Arc<Current>>,
    /// Whether it came because another was refused, and from which fetch.
    replacement: Option<u64>,
    /// Until then a refusal may only mean that servers don't know it yet.
    settled: Moment,
}

/// The successor was refused before anything accepted it, so its predecessor serves again.
#[derive(Debug)]
struct FellBack {
    predecessor: Arc<Current>,
    /// Whether an answer has accepted the predecessor since it was last refused.
    accepted: bool,
    successor: Unproven,
    /// From here on one request tries the successor.
    probe: Moment,
    /// Whether that request is under way.
    probing: bool,
    gap: Duration,
}

#[derive(Debug)]
struct Suspect {
    token: Arc<Current>,
    proven: bool,
    trial: Trial,
}

/// How the suspect serves while its replacement is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    /// One request that can be replayed will go with it, to find out.
    Awaited,
    /// That request is under way or was refused; all others wait.
    Held,
    /// Everybody goes with it: no replacement can be had, or refusals meant little lately.
    Open,
}

#[derive(Debug, Clone, Copy)]
struct PendingFetch {
    number: u64,
    reason: Reason,
    began: Moment,
    /// By then it has long missed its deadline: nobody drives its runtime. By the monotonic clock
    /// alone, because a fetch does not go on while the machine sleeps.
    overdue: Duration,
}

#[derive(Debug)]
struct Spare(Brought);

#[derive(Debug)]
#[allow(dead_code, reason = "held only to be dropped")]
pub(crate) enum Discarded {
    Error(Error),
    Credential(Credential),
    Current(Arc<Current>),
}

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

/// What a refusal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The credential was the current one; another is being fetched to replace it.
    Suspected,
    /// It had only just replaced another one, which serves again.
    FellBack,
    /// It was not the current one: another is in use already, or is being fetched.
    Superseded,
    /// It was kept: it is the only one there can be, it is too new to judge, or others accept it.
    /// Another attempt would most likely end the same way.
    Kept,
}

impl State {
    /// The credential that serves, or is under suspicion.
    fn token(&self) -> Option<&Arc<Current>> {
        match self {
            Self::Empty => None,
            Self::Unproven(unproven) => Some(&unproven.token),
            Self::FellBack(fell_back) => Some(&fell_back.predecessor),
            Self::Proven(token) => Some(token),
            Self::Suspect(suspect) => Some(&suspect.token),
        }
    }
}

impl Machine {
    pub(crate) fn new(policy: Policy, traits: Traits) -> Self {
        Self {
            policy,
            traits,
            state: State::Empty,
            generation: 0,
            pending: None,
            fetches: 0,
            last: None,
            failures: Failures::default(),
            rejections: RejectionBackoff::default(),
            unaccepted: 0,
            spare: None,
            discarded: Vec::new(),
        }
    }

    /// What every request may take without asking: nothing while a suspect is on trial, or a
    /// successor is tried now and then.
    pub(crate) fn visible(&self) -> Option<&Arc<Current>> {
        match &self.state {
            State::FellBack(_) => None,
            State::Suspect(suspect) if suspect.trial != Trial::Open => None,
            state => state.token(),
        }
    }

    /// What a caller may take that neither waits nor asks for a fetch.
    pub(crate) fn in_hand(&self, now: Moment) -> Option<&Arc<Current>> {
        let token = match &self.state {
            State::Suspect(suspect) if suspect.trial != Trial::Open => None,
            state => state.token(),
        };
        token.filter(|token| !token.unusable.passed(now))
    }

    /// The credential in hand, whatever is thought of it.
    #[cfg(test)]
    pub(crate) fn current(&self) -> Option<&Arc<Current>> {
        self.state.token()
    }

    /// What to drop once the lock is released.
    pub(crate) fn discarded(&mut self) -> Vec<Discarded> {
        std::mem::take(&mut self.discarded)
    }

    pub(crate) fn pending(&self) -> Option<u64> {
        self.pending.map(|pending| pending.number)
    }

    /// The newest fetch that has ended.
    pub(crate) fn ended(&self) -> u64 {
        self.last.as_ref().map_or(0, |(number, _)| *number)
    }

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
        if last_moments.is_none() {
            self.failures.hurry(now, &self.policy);
        }
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
        let wanted = Wanted::Wait(last_moments.map(|_| self.policy.renewal_gap));
        Step {
            wanted,
            begin: Some(begin),
        }
    }

    /// The outcome of a fetch that began after the one of this number, whatever there is in hand.
    fn wanted_after(&mut self, now: Moment, number: u64) -> Step {
        match &self.last {
            Some((ended, outcome)) if *ended > number => Step::of(match outcome {
                Ok(credential) => Wanted::Take(credential.clone()),
                Err(error) => Wanted::Fail(error.clone()),
            }),
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

    /// What time alone changes.
    fn lapse(&mut self, now: Moment) {
        if self
            .pending
            .is_some_and(|pending| pending.overdue <= now.monotonic)
        {
            self.lost();
        }
        let state = std::mem::replace(&mut self.state, State::Empty);
        self.state = match state {
            State::FellBack(fell_back) if fell_back.predecessor.end.passed(now) => {
                self.discard(fell_back.predecessor);
                if fell_back.successor.token.end.passed(now) {
                    self.discard(fell_back.successor.token);
                    State::Empty
                } else {
                    State::Unproven(fell_back.successor)
                }
            }
            State::FellBack(fell_back) if fell_back.successor.token.end.passed(now) => {
                self.discard(fell_back.successor.token);
                fell_back.predecessor.allow_renewal();
                State::Proven(fell_back.predecessor)
            }
            state => match state.token() {
                Some(token) if token.end.passed(now) => {
                    self.discard(Arc::clone(token));
                    State::Empty
                }
                _ => state,
            },
        };
    }

    fn discard(&mut self, token: Arc<Current>) {
        self.discarded.push(Discarded::Current(token));
    }
}

impl Step {
    fn of(wanted: Wanted) -> Self {
        Self {
            wanted,
            begin: None,
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
