//! What keeps fetches apart: the gap after failures, and the one after refusals that mean nothing.

use std::time::Duration;

use super::policy::{Policy, doubled, scaled};
use crate::{Error, Moment};

/// How often in a row a fetch that its runtime has dropped is started anew at once.
const RESTARTS: u32 = 3;

/// What failed fetches have led to since one last succeeded.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures {
    last: Option<Box<Failure>>,
    transient: u32,
    permanent: u32,
    /// Fetches in a row that ended with their runtime.
    interrupted: u32,
}

#[derive(Debug, Clone)]
struct Failure {
    error: Error,
    until: Moment,
    /// Whether the server itself has named the gap.
    asked: bool,
    /// The source's version when it was asked.
    version: u64,
}

/// Who is affected by a failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Affected {
    /// Whether a credential still works.
    pub(super) works: bool,
    /// Whether callers wait.
    pub(super) waiting: bool,
}

impl Failures {
    /// Forgets everything; returns what is to be dropped outside the lock.
    pub(super) fn clear(&mut self) -> Option<Error> {
        let last = std::mem::take(self).last;
        last.map(|failure| failure.error)
    }

    /// Notes a failure. Returns its gap, and what is to be dropped outside the lock.
    pub(super) fn note(
        &mut self,
        now: Moment,
        error: &Error,
        version: u64,
        affected: Affected,
        random: f64,
        policy: &Policy,
    ) -> (Duration, Option<Error>) {
        // Kinds that alternate don't reset each other; a changed source does.
        if self
            .last
            .as_ref()
            .is_some_and(|last| last.version != version)
        {
            self.permanent = 0;
        }
        let streak = if error.is_permanent() {
            &mut self.permanent
        } else {
            &mut self.transient
        };
        *streak = streak.saturating_add(1);
        let streak = *streak;
        // "At once" is no back-off: it is what a date in the past becomes where clocks differ.
        let asked = error.retry_after().filter(|asked| !asked.is_zero());
        let gap = match asked {
            Some(asked) => scaled(asked.min(crate::retry_after::CAP), 1.0 + 0.1 * random),
            None if error.is_permanent() => {
                doubled(policy.permanent_gap, streak, policy.permanent_gap_limit)
            }
            None => {
                let limit = match affected {
                    Affected { waiting: true, .. } => policy.waiting_gap_limit,
                    Affected { works: false, .. } => policy.outage_gap_limit,
                    Affected { works: true, .. } => policy.transient_gap_limit,
                };
                scaled(doubled(policy.transient_gap, streak, limit), random)
            }
        };
        let old = self.last.replace(Box::new(Failure {
            error: error.clone(),
            until: now.plus(gap),
            asked: asked.is_some(),
            version,
        }));
        (gap, old.map(|failure| failure.error))
    }

    /// The same for another machine, whose clock and source are others.
    pub(super) fn moved(mut self, version: u64, moved: impl Fn(Moment) -> Moment) -> Self {
        if let Some(last) = &mut self.last {
            last.until = moved(last.until);
            last.version = version;
        }
        self
    }

    /// Whether a fetch has failed since one last succeeded.
    pub(super) fn any(&self) -> bool {
        self.last.is_some()
    }

    /// Notes a fetch that ended with its runtime: how long renewals are left alone for it, and what
    /// is to be dropped outside the lock. Where no credential works, others start it anew at once;
    /// but if that ends the same way again and again, it is a failure like any other.
    pub(super) fn note_interrupted(
        &mut self,
        now: Moment,
        error: &Error,
        version: u64,
        works: bool,
        policy: &Policy,
    ) -> (Duration, Option<Error>) {
        self.interrupted = self.interrupted.saturating_add(1);
        let mut old = None;
        if !works && self.interrupted > RESTARTS {
            let streak = self.interrupted - RESTARTS;
            let gap = doubled(policy.transient_gap, streak, policy.waiting_gap_limit);
            old = self.last.replace(Box::new(Failure {
                error: error.clone(),
                until: now.plus(gap),
                asked: false,
                version,
            }));
        }
        let gap = doubled(
            policy.renewal_gap,
            self.interrupted,
            policy.transient_gap_limit,
        );
        (gap, old.map(|failure| failure.error))
    }

    /// Somebody has no credential any more, or one that is refused or nearly over: the gap of a transient failure
    /// shrinks to what a waiting caller is kept waiting for, unless the server has named it.
    pub(super) fn hurry(&mut self, now: Moment, policy: &Policy) {
        if let Some(last) = &mut self.last
            && !last.asked
            && !last.error.is_permanent()
        {
            last.until = last.until.earlier(now.plus(policy.waiting_gap_limit));
        }
    }

    /// The remembered error while its gap lasts. A changed source ends a permanent one's at once.
    pub(super) fn in_force(&self, now: Moment, version: u64) -> Option<Remembered<'_>> {
        let last = self.last.as_ref()?;
        let changed = last.error.is_permanent() && last.version != version;
        if changed || last.until.passed(now) {
            return None;
        }
        Some(Remembered {
            error: &last.error,
            left: last.until.left(now),
        })
    }
}

pub(super) struct Remembered<'a> {
    pub(super) error: &'a Error,
    pub(super) left: Duration,
}

/// Keeps apart the fetches that refusals cause, once refusals have proved to mean little: others
/// accept what one endpoint refuses, or replacements are refused in turn.
#[derive(Debug, Clone, Default)]
pub(super) struct RejectionBackoff {
    streak: u32,
    until: Option<Moment>,
    gap: Duration,
    /// The last refusal of any credential.
    last: Option<Moment>,
    /// The fetch that was last counted, for each of the reasons.
    counted: [u64; 2],
}

/// Why a fetch that a refusal had caused was for nothing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Vain {
    /// What had been refused was accepted elsewhere.
    Contradicted,
    /// What it brought was refused in turn.
    RefusedAgain,
}

impl RejectionBackoff {
    /// The fetch of this number was for nothing. A hundred answers that say so count once.
    pub(super) fn bump(&mut self, now: Moment, fetch: u64, why: Vain, policy: &Policy) {
        let counted = &mut self.counted[why as usize];
        if fetch <= *counted {
            return;
        }
        *counted = fetch;
        self.streak = self.streak.saturating_add(1);
        self.gap = doubled(
            policy.rejection_gap,
            self.streak,
            policy.rejection_gap_limit,
        );
        self.until = Some(now.plus(self.gap));
    }

    /// Notes a refusal. After twice the gap without one, and no sooner than after the longest gap,
    /// the past counts no more: an endpoint that is called every few seconds is remembered.
    pub(super) fn refused(&mut self, now: Moment, policy: &Policy) {
        let quiet = self.gap.saturating_mul(2).max(policy.rejection_gap_limit);
        let quiet = self.last.is_some_and(|last| last.plus(quiet).passed(now));
        if quiet {
            self.streak = 0;
            self.until = None;
        }
        self.last = Some(now);
    }

    /// The same for another machine, which counts its fetches anew.
    pub(super) fn moved(self, now: Moment, moved: impl Fn(Moment) -> Moment) -> Self {
        Self {
            until: self.until.map(moved),
            last: self.last.map(|_| now),
            counted: [0; 2],
            ..self
        }
    }

    /// Whether refusals cause no fetch now.
    pub(super) fn holds(&self, now: Moment) -> bool {
        self.until.is_some_and(|until| !until.passed(now))
    }

    /// Whether refusals were contradicted lately.
    pub(super) fn is_sceptical(&self) -> bool {
        self.streak > 0
    }
}
