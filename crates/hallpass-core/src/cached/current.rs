//! [`Current`]: a credential as the lock-free path sees it, with its times.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderValue};

use super::policy::{scaled, share};
use crate::{
    Credential, Moment, Policy,
    clock::Clocks,
    credential::Life,
    sharded::{self, Sharded},
};

/// A credential that a source has brought, and when it is due, unusable and over.
///
/// Everything but the two atomics and the copies is fixed at birth, so readers need no lock. The
/// atomics are hints: what they guard is decided again under the lock.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) credential: Credential,
    /// From here on it is renewed while it is still used.
    pub(crate) due: Moment,
    /// From here on it is used only if no other can be had.
    pub(crate) unusable: Moment,
    /// From here on it is not used at all. Counted from when it was received.
    pub(crate) end: Moment,
    /// Whether it was over when it arrived, and lives on by grace.
    pub(crate) graced: bool,
    /// The source's version when it was asked.
    pub(super) version: u64,
    /// Monotonic nanoseconds before which nobody needs to try the lock.
    renewal_not_before: AtomicU64,
    /// Whether the engine wants to hear of an answer that accepts it.
    report: AtomicBool,
    /// The group of threads that uses the credential's own header value; the others copy it.
    home: usize,
    /// Not there before their first use: most credentials of many are idle.
    values: OnceLock<Box<Sharded<HeaderValue>>>,
}

impl Current {
    pub(super) fn new(credential: Credential, times: Times, version: u64) -> Self {
        Self {
            credential,
            due: times.due,
            unusable: times.unusable,
            end: times.end,
            graced: times.graced,
            version,
            renewal_not_before: AtomicU64::new(0),
            report: AtomicBool::new(true),
            home: sharded::group(),
            values: OnceLock::new(),
        }
    }

    /// Whether it ends by itself at all.
    pub(crate) fn ends(&self) -> bool {
        self.credential.life() != Life::Forever
    }

    /// Puts the credential on a request, by a header value that only this thread's group shares.
    /// Says whether it did: a header of that name stays unless it may be replaced.
    #[inline]
    pub(crate) fn attach(&self, headers: &mut HeaderMap, replace: bool) -> bool {
        let value = if sharded::group() == self.home {
            self.credential.header_value()
        } else {
            self.values
                .get_or_init(|| Box::new(Sharded::new()))
                .local(|| self.credential.copy_value())
        };
        self.credential.attach_value(value, headers, replace)
    }

    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.credential.generation()
    }

    /// What the lock-free path may do with it.
    #[inline]
    pub(crate) fn usable(&self, clock: &Clocks) -> Option<Usable> {
        let now = clock.just_now();
        if self.unusable.passed(now) {
            return None;
        }
        let worth_a_try = self.due.passed(now)
            && now.monotonic.as_nanos() as u64 >= self.renewal_not_before.load(Ordering::Relaxed);
        Some(if worth_a_try {
            Usable::Due
        } else {
            Usable::Fresh
        })
    }

    /// Keeps the lock-free path from trying a renewal until then.
    pub(super) fn defer_renewal(&self, moment: Moment) {
        let nanos = moment.monotonic.as_nanos().min(u128::from(u64::MAX));
        self.renewal_not_before
            .store(nanos as u64, Ordering::Relaxed);
    }

    pub(super) fn allow_renewal(&self) {
        self.renewal_not_before.store(0, Ordering::Relaxed);
    }

    pub(super) fn renewal_deferred(&self, now: Moment) -> bool {
        (now.monotonic.as_nanos() as u64) < self.renewal_not_before.load(Ordering::Relaxed)
    }

    /// Whether an answer that accepts it is to be [reported](super::Cached::accept).
    #[inline]
    pub(crate) fn reports(&self) -> bool {
        self.report.load(Ordering::Relaxed)
    }

    pub(super) fn report(&self, wanted: bool) {
        self.report.store(wanted, Ordering::Relaxed);
    }
}

pub(crate) enum Usable {
    Fresh,
    Due,
}

/// When a credential is due, unusable and over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) due: Moment,
    pub(super) unusable: Moment,
    pub(super) end: Moment,
    /// Whether it was over when it came.
    pub(super) graced: bool,
}

/// A life of less than this part of the gap between renewals is none: to keep to it would take a
/// fetch for each request.
const SHORTEST: u32 = 10;

const NEVER: Moment = Moment {
    monotonic: Duration::MAX,
    wall: Duration::MAX,
};

impl Times {
    /// `random` is from 0 to 1. The lifetime counts from `sent`, when the request for it left; what
    /// is over at `now` is used for a little while all the same.
    pub(super) fn of(
        credential: &Credential,
        sent: Moment,
        now: Moment,
        policy: &Policy,
        random: f64,
    ) -> Self {
        let Some(lifetime) = lifetime(credential, sent, policy) else {
            return Self {
                due: NEVER,
                unusable: NEVER,
                end: NEVER,
                graced: false,
            };
        };
        let margin = scaled(lifetime, share(policy.margin_share)).min(policy.margin);
        let usable = lifetime.saturating_sub(margin);
        let end = now.plus(lifetime).earlier(by_instant(credential));
        // Who takes it without the lock looks at this alone. It can be later than the end, by the wall
        // clock, where that was set back while the request was under way.
        let unusable = sent.plus(usable).earlier(end);
        let is_none = lifetime < policy.renewal_gap / SHORTEST;
        if is_none || unusable.passed(now) {
            let end = now.plus(policy.renewal_gap);
            return Self {
                due: end,
                unusable: end,
                end,
                graced: true,
            };
        }
        let window = scaled(lifetime, share(policy.renewal_share)).min(policy.renewal_window);
        let window = scaled(window, 1.0 + share(policy.renewal_jitter) * random);
        let ahead = match credential.renewal_hint() {
            Some(hint) => scaled(hint, 1.0 - share(policy.hint_jitter) * random),
            None => lifetime.saturating_sub(window),
        };
        // Some usable time is left for the renewal, whatever hint and window say.
        let least = (usable / 10).min(policy.margin);
        let mut due = sent.plus(ahead.min(usable.saturating_sub(least)));
        if due.passed(now) {
            due = half_left(unusable, now, policy);
        }
        Self {
            due,
            unusable,
            end,
            graced: false,
        }
    }

    /// Of a credential whose secret came again: asked for at ever shorter intervals, but not at once.
    pub(super) fn of_same_secret(self, now: Moment, policy: &Policy) -> Self {
        if self.graced || self.due == NEVER {
            return self;
        }
        Self {
            due: half_left(self.unusable, now, policy),
            ..self
        }
    }
}

/// After half of what is left but not at once; in the last second sooner, so that a renewal is
/// always begun while the credential can be used.
fn half_left(unusable: Moment, now: Moment, policy: &Policy) -> Moment {
    let left = unusable.left(now);
    now.plus(
        (left / 2)
            .max(policy.renewal_gap)
            .min(left.saturating_mul(3) / 4),
    )
}

fn since_epoch(instant: std::time::SystemTime) -> Duration {
    instant
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
}

/// The end that a source named on the wall clock.
fn by_instant(credential: &Credential) -> Moment {
    match credential.life() {
        Life::Until {
            instant: Some(instant),
            ..
        } => Moment {
            monotonic: Duration::MAX,
            wall: since_epoch(instant),
        },
        _ => NEVER,
    }
}

/// `None` for a credential that never ends.
fn lifetime(credential: &Credential, sent: Moment, policy: &Policy) -> Option<Duration> {
    let said = match credential.life() {
        Life::Forever => return None,
        Life::Unknown => policy.default_lifetime,
        Life::Until { lifetime, instant } => {
            let by_instant = instant.map(|instant| since_epoch(instant).saturating_sub(sent.wall));
            lifetime
                .into_iter()
                .chain(by_instant)
                .min()
                .unwrap_or(policy.default_lifetime)
        }
    };
    Some(said.min(policy.longest_lifetime))
}
