//! [`Policy`]: the engine's numbers, each with its reason.

use std::time::Duration;

use crate::fetch::FETCH_DEADLINE;

/// Declares each number once: its field, its default and its setter.
macro_rules! policy {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr;)*) => {
        /// The engine's numbers. The defaults suit tokens from a few seconds to a few days.
        ///
        /// ```
        /// use std::time::Duration;
        /// use hallpass_core::Policy;
        ///
        /// let policy = Policy::default().fetch_deadline(Duration::from_secs(5));
        /// assert_eq!(policy.fetch_deadline, Duration::from_secs(5));
        /// ```
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub struct Policy {
            $($(#[$doc])* pub $name: $type,)*
        }

        impl Default for Policy {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Policy {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(mut self, value: $type) -> Self {
                    self.$name = value;
                    self
                }
            )*
        }
    };
}

policy! {
    /// How long one fetch may take: 30 s.
    fetch_deadline: Duration = FETCH_DEADLINE;
    /// How long a caller without a credential waits for another attempt after a transient failure:
    /// 5 s, as long as a person waits for a page. An attempt that began within it is waited for.
    patience: Duration = Duration::from_secs(5);
    /// The silence of a source after which a second attempt starts beside the first, while callers
    /// wait and the source allows it: 2 s, or three times the last answer's time if that is longer.
    hedge_after: Duration = Duration::from_secs(2);
    /// The silence of that second attempt after which it is started anew: 1.25 s, or that same
    /// multiple. So soon after a hang is over it is noticed.
    hedge_again_after: Duration = Duration::from_millis(1250);
    /// How many callers may wait at the same time: 10,000. Each holds a request in memory.
    waiting_limit: usize = 10_000;
    /// The share of the lifetime left when renewal ahead begins: a fifth. Tokens live from minutes
    /// to days, so a fixed margin would be all of one and nothing of another.
    renewal_share: f64 = 0.2;
    /// The most that renewal ahead takes off a lifetime: 5 min, ample for any outage that a
    /// retry gets over and little enough to use long tokens fully.
    renewal_window: Duration = Duration::from_secs(300);
    /// How far the window is stretched at random: up to 25 %, so that caches which started
    /// together do not renew together.
    renewal_jitter: f64 = 0.25;
    /// How far a source's own hint is shortened at random: up to a tenth, for the same reason.
    hint_jitter: f64 = 0.1;
    /// A credential with less than this left is renewed before it is used: 10 s, enough to reach a
    /// slow server in time…
    margin: Duration = Duration::from_secs(10);
    /// …or with less than this share of its lifetime left: a twentieth, for short lifetimes. While
    /// renewals fail it is used to its very end.
    margin_share: f64 = 0.05;
    /// The lifetime assumed when nothing says: 5 min, the shortest common one.
    default_lifetime: Duration = Duration::from_secs(300);
    /// The longest lifetime that is believed: a year.
    longest_lifetime: Duration = Duration::from_secs(365 * 24 * 3600);
    /// The least time between two renewals ahead: 1 s. Servers that hand back the same token until
    /// its last moments would else be asked ever faster. A credential that is over when it arrives,
    /// or whose whole life is less than a tenth of that, is used for that long.
    renewal_gap: Duration = Duration::from_secs(1);
    /// The gap after a transient failure: 0.5 s, doubling, at random between nothing and all of it…
    transient_gap: Duration = Duration::from_millis(500);
    /// …up to 60 s while there is a credential that works…
    transient_gap_limit: Duration = Duration::from_secs(60);
    /// …up to 10 s while there is none…
    outage_gap_limit: Duration = Duration::from_secs(10);
    /// …and up to 1 s while somebody waits, so that an endpoint that comes back is found at once.
    waiting_gap_limit: Duration = Duration::from_secs(1);
    /// How long a permanent failure is remembered: 30 s, doubling…
    permanent_gap: Duration = Duration::from_secs(30);
    /// …up to 10 min. Asking sooner can only lock the client out.
    permanent_gap_limit: Duration = Duration::from_secs(600);
    /// How long a new credential may be refused before it counts as bad: 10 s. Servers that learn
    /// of new tokens by replication refuse them at first.
    settling: Duration = Duration::from_secs(10);
    /// The gap between two requests that try a successor which was refused: 1 s, doubling.
    probe_gap: Duration = Duration::from_secs(1);
    /// The gap between fetches that refusals cause, while other answers contradict the refusals or
    /// the replacements are refused in turn: 2 s, doubling. With tokens of 10 s, an endpoint that
    /// refuses everybody for a quarter of a minute then costs two fetches beside the renewals…
    rejection_gap: Duration = Duration::from_secs(2);
    /// …up to 60 s.
    rejection_gap_limit: Duration = Duration::from_secs(60);
    /// How many refusals of a proven credential in a row, without an acceptance between them, end
    /// that gap: 3. Everything may have been revoked meanwhile.
    rejection_override: u32 = 3;
}

impl Policy {
    /// By then a fetch has long missed its deadline.
    pub(super) fn overdue(&self) -> Duration {
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
