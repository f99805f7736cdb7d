//! [`Policy`]: the engine's numbers, each with its reason.

use std::time::Duration;

/// How long a whole fetch may take, tries and pauses included. A caller without a credential waits
/// no longer than that.
pub const FETCH_DEADLINE: Duration = Duration::from_secs(30);

/// The engine's numbers. The defaults suit tokens from a few seconds to a few days.
///
/// ```
/// use std::time::Duration;
/// use hallpass_core::Policy;
///
/// let mut policy = Policy::default();
/// policy.fetch_deadline = Duration::from_secs(5);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Policy {
    /// How long one fetch may take: 30 s.
    pub fetch_deadline: Duration,
    /// The share of the lifetime left when renewal ahead begins: a fifth. Tokens live from minutes
    /// to days, so a fixed margin would be all of one and nothing of another.
    pub renewal_share: f64,
    /// The most that renewal ahead takes off a lifetime: 5 min, ample for any outage that a
    /// retry gets over and little enough to use long tokens fully.
    pub renewal_window: Duration,
    /// How far the window is stretched at random: up to 25 %, so that caches which started
    /// together do not renew together.
    pub renewal_jitter: f64,
    /// The same for the very first renewal: up to 30 %. A fleet that is rolled out starts within a
    /// second, and a wider first spread keeps it apart from then on. Set both to 0 for no jitter.
    pub first_renewal_jitter: f64,
    /// A credential with less than this left is not handed out: 10 s, enough to reach a slow
    /// server in time…
    pub margin: Duration,
    /// …or with less than this share of its lifetime left: a twentieth, for short lifetimes.
    pub margin_share: f64,
    /// The lifetime assumed when nothing says: 5 min, the shortest common one.
    pub default_lifetime: Duration,
    /// The longest lifetime that is believed: a year.
    pub longest_lifetime: Duration,
    /// The least time between two renewals ahead: 1 s. Servers that hand back the same token until
    /// its last moments would else be asked ever faster.
    pub renewal_gap: Duration,
    /// The gap after a transient failure: 0.5 s, doubling, at random between nothing and all of it…
    pub transient_gap: Duration,
    /// …up to 60 s, so that an endpoint that comes back is found within a minute.
    pub transient_gap_limit: Duration,
    /// How long a permanent failure is remembered: 30 s, doubling…
    pub permanent_gap: Duration,
    /// …up to 10 min. Asking sooner can only lock the client out.
    pub permanent_gap_limit: Duration,
    /// The gap between fetches that rejections cause, while no answer accepts what they bring: 1 s,
    /// doubling…
    pub rejection_gap: Duration,
    /// …up to 60 s.
    pub rejection_gap_limit: Duration,
    /// How many fetches rejections may cause in a row although other answers accept what they
    /// bring: 20. An endpoint that always answers 401, for want of a permission, would else turn
    /// each of its calls into a token request…
    pub rejection_burst: u32,
    /// …and how soon one more is allowed after that: every 3 s.
    pub rejection_pace: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            fetch_deadline: FETCH_DEADLINE,
            renewal_share: 0.2,
            renewal_window: Duration::from_secs(300),
            renewal_jitter: 0.25,
            first_renewal_jitter: 0.3,
            margin: Duration::from_secs(10),
            margin_share: 0.05,
            default_lifetime: Duration::from_secs(300),
            longest_lifetime: Duration::from_secs(365 * 24 * 3600),
            renewal_gap: Duration::from_secs(1),
            transient_gap: Duration::from_millis(500),
            transient_gap_limit: Duration::from_secs(60),
            permanent_gap: Duration::from_secs(30),
            permanent_gap_limit: Duration::from_secs(600),
            rejection_gap: Duration::from_secs(1),
            rejection_gap_limit: Duration::from_secs(60),
            rejection_burst: 20,
            rejection_pace: Duration::from_secs(3),
        }
    }
}

impl Policy {
    /// How long a fetch is waited for: its deadline and a bit, so that its own outcome comes first.
    pub(super) fn patience(&self) -> Duration {
        self.fetch_deadline.saturating_add(self.fetch_deadline / 10)
    }
}

/// A share as it can be used: whatever a field holds, nothing panics.
pub(super) fn share(value: f64) -> f64 {
    if value.is_nan() {
        0.0
    } else {
        value.clamp(0.0, 1.0)
    }
}

/// `start` doubled `streak - 1` times, at most `limit`.
pub(super) fn doubled(start: Duration, streak: u32, limit: Duration) -> Duration {
    let factor = 1_u32
        .checked_shl(streak.saturating_sub(1))
        .unwrap_or(u32::MAX);
    start.saturating_mul(factor).min(limit)
}
