//! [`Current`]: the credential in use, as the lock-free path sees it.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderValue};

use super::policy::share;
use crate::{
    Credential, Moment, Policy,
    clock::Clocks,
    credential::Life,
    sharded::{self, Sharded},
};

/// The credential in use, and when it is due and done.
///
/// Everything but the two atomics and the copies is fixed at birth, so readers need no lock. The
/// atomics are hints: what they guard is decided again under the lock.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) credential: Credential,
    /// From here on it is renewed while it is still used.
    pub(crate) due: Moment,
    /// From here on it is not handed out.
    pub(crate) unusable: Moment,
    /// Monotonic nanoseconds before which nobody needs to try the lock for a renewal.
    gate: AtomicU64,
    /// Whether it came after a rejection and no answer has accepted it yet.
    report: AtomicBool,
    /// The group of threads that uses the credential's own header value; the others copy it.
    home: usize,
    /// Not there before their first use: most credentials of many are idle.
    values: OnceLock<Box<Sharded<HeaderValue>>>,
}

impl Current {
    /// Works out both moments; `None` if it is too old to be kept at all.
    pub(super) fn new(
        credential: Credential,
        times: &Times,
        policy: &Policy,
        now: Moment,
        sticky: bool,
        probation: bool,
    ) -> Option<Self> {
        let mut due = times.due;
        if times.unusable.passed(now) {
            return None;
        }
        if sticky || due.passed(now) {
            let half = times.unusable.left(now) / 2;
            due = now.plus(half.max(policy.renewal_gap));
        }
        Some(Self {
            credential,
            due,
            unusable: times.unusable,
            gate: AtomicU64::new(0),
            report: AtomicBool::new(probation),
            home: sharded::group(),
            values: OnceLock::new(),
        })
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
        self.credential
            .attach_value(value.clone(), headers, replace)
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
            && now.monotonic.as_nanos() as u64 >= self.gate.load(Ordering::Relaxed);
        Some(if worth_a_try {
            Usable::Due
        } else {
            Usable::Fresh
        })
    }

    /// Lets nobody try a renewal until then.
    pub(super) fn shut_until(&self, moment: Moment) {
        let nanos = moment.monotonic.as_nanos().min(u128::from(u64::MAX));
        self.gate.store(nanos as u64, Ordering::Relaxed);
    }

    pub(super) fn open(&self) {
        self.gate.store(0, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn reports(&self) -> bool {
        self.report.load(Ordering::Relaxed)
    }

    pub(super) fn accept(&self) {
        self.report.store(false, Ordering::Relaxed);
    }
}

pub(crate) enum Usable {
    Fresh,
    Due,
}

/// When a credential is due and when it is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) due: Moment,
    pub(super) unusable: Moment,
}

impl Times {
    /// `jitter` says how far the window is stretched. The lifetime counts from `sent`, when the request for it left.
    pub(super) fn of(credential: &Credential, sent: Moment, policy: &Policy, jitter: f64) -> Self {
        let Some(lifetime) = lifetime(credential, sent, policy) else {
            let never = Moment {
                monotonic: Duration::MAX,
                wall: Duration::MAX,
            };
            return Self {
                due: never,
                unusable: never,
            };
        };
        let margin = lifetime
            .mul_f64(share(policy.margin_share))
            .min(policy.margin);
        let window = lifetime
            .mul_f64(share(policy.renewal_share))
            .min(policy.renewal_window)
            .mul_f64(1.0 + share(jitter));
        let ahead = credential
            .renewal_hint()
            .unwrap_or_else(|| lifetime.saturating_sub(window));
        Self {
            due: sent.plus(ahead.min(lifetime)),
            unusable: sent.plus(lifetime.saturating_sub(margin)),
        }
    }
}

/// `None` for a credential that never ends.
fn lifetime(credential: &Credential, sent: Moment, policy: &Policy) -> Option<Duration> {
    let said = match credential.life() {
        Life::Forever => return None,
        Life::Unknown => policy.default_lifetime,
        Life::Until { lifetime, instant } => {
            let by_instant = instant.map(|instant| {
                instant
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap_or_default()
                    .saturating_sub(sent.wall)
            });
            lifetime
                .into_iter()
                .chain(by_instant)
                .min()
                .unwrap_or(policy.default_lifetime)
        }
    };
    Some(said.min(policy.longest_lifetime))
}
