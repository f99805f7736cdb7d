//! [`Renewal`]: when to ask again, given how a vendor reissues tokens.

use std::time::Duration;

use crate::toml_fields::choice;

/// What a vendor does when it is asked for a token while one is still good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Reissue {
    /// A fresh token; the one before lives on.
    #[default]
    Fresh,
    /// The same token with what is left of its life, until shortly before its end. Asking early
    /// brings nothing, so renewal waits for `renew_before`, or for the end if that is not set.
    Sticky,
    /// A fresh token, and the one before ends after `grace`. Renewal starts no earlier than
    /// `grace` before the end, so that no request under way loses its token to it. Several
    /// processes with one client still end each other's tokens: that takes a shared store.
    KillsOld,
}

choice!(
    Reissue,
    "reissue",
    &[
        ("fresh", Self::Fresh),
        ("sticky", Self::Sticky),
        ("kills-old", Self::KillsOld),
    ]
);

/// What is left of a token when the engine no longer hands it out, at most.
const UNUSABLE: Duration = Duration::from_secs(10);

/// How much of a hint the engine takes off at most.
const SPREAD: f64 = 0.1;

/// When to ask again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Renewal {
    /// How long before its end.
    pub(crate) before: Option<Duration>,
    pub(crate) reissue: Reissue,
    /// How long the token before lives on.
    pub(crate) grace: Duration,
    /// The least time between two tokens.
    pub(crate) interval: Duration,
}

impl Renewal {
    /// The hint for a token that lives this long; none leaves it to the engine.
    pub(crate) fn hint(self, lifetime: Duration) -> Option<Duration> {
        // A margin of more than half a life would ask all the time.
        let before = self.before.map(|before| before.min(lifetime / 2));
        let before = match self.reissue {
            Reissue::Fresh => before,
            Reissue::Sticky => Some(before.unwrap_or_default()),
            Reissue::KillsOld => Some(before.map_or(self.grace, |before| before.min(self.grace))),
        };
        // The engine on its own begins with at most a quarter of the life left.
        let earliest = lifetime.saturating_sub(before.unwrap_or(lifetime / 4));
        if earliest < self.interval {
            return Some(self.interval.min(lifetime));
        }
        before.map(|_| earliest)
    }

    /// The hint as the engine is told it, which takes up to a tenth off so that a fleet does not
    /// renew together.
    ///
    /// Where asking early brings nothing, is refused, or ends a token in use, the renewal may come
    /// later but never sooner, so that tenth is added first.
    pub(crate) fn told(self, hint: Duration) -> Duration {
        // Lifetimes are the server's to name, up to the longest that there is.
        let exact = |at: Duration| {
            Duration::try_from_secs_f64(at.as_secs_f64() / (1.0 - SPREAD)).unwrap_or(Duration::MAX)
        };
        match self.reissue {
            Reissue::Fresh => hint.max(exact(self.interval)),
            Reissue::Sticky | Reissue::KillsOld => exact(hint),
        }
    }

    /// How long not to ask again after a token that lives this long: no longer than it is of use,
    /// for a vendor that hands out the rest of a token's life means fresh ones by its limit.
    pub(crate) fn closed_for(self, lifetime: Option<Duration>) -> Duration {
        let use_of = |lifetime: Duration| lifetime.saturating_sub(UNUSABLE.min(lifetime / 20));
        lifetime.map_or(self.interval, |lifetime| {
            self.interval.min(use_of(lifetime))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_ends_opens_the_interval() {
        let seconds = Duration::from_secs;
        let renewal = Renewal {
            interval: seconds(570),
            ..Renewal::default()
        };
        for (lifetime, expected) in [
            (None, 570),
            (Some(3600), 570),
            (Some(600), 570),
            (Some(300), 290),
            (Some(100), 95),
            (Some(0), 0),
        ] {
            assert_eq!(renewal.closed_for(lifetime.map(seconds)), seconds(expected));
        }
    }

    #[test]
    fn the_engines_spread_never_asks_too_soon() {
        let seconds = Duration::from_secs;
        for (reissue, interval, soonest) in [
            (Reissue::Fresh, 0, 900),
            (Reissue::Fresh, 950, 950),
            (Reissue::Sticky, 0, 1000),
            (Reissue::KillsOld, 0, 1000),
        ] {
            let renewal = Renewal {
                reissue,
                interval: seconds(interval),
                ..Renewal::default()
            };
            let spread = renewal.told(seconds(1000)).mul_f64(1.0 - SPREAD);
            assert_eq!(spread.as_millis().div_ceil(1000), soonest, "{renewal:?}");
        }
    }

    #[test]
    fn the_longest_lifetime_is_one_like_any_other() {
        for reissue in [Reissue::Fresh, Reissue::Sticky, Reissue::KillsOld] {
            let renewal = Renewal {
                reissue,
                interval: Duration::MAX,
                ..Renewal::default()
            };
            assert_eq!(renewal.told(Duration::MAX), Duration::MAX, "{reissue:?}");
        }
    }

    #[test]
    fn a_hint_for_every_behaviour() {
        let seconds = Duration::from_secs;
        for (reissue, before, grace, interval, lifetime, expected) in [
            (Reissue::Fresh, None, 0, 0, 300, None),
            (Reissue::Fresh, Some(60), 0, 0, 300, Some(240)),
            (Reissue::Fresh, Some(600), 0, 0, 300, Some(150)),
            (Reissue::Fresh, None, 0, 570, 600, Some(570)),
            (Reissue::Fresh, None, 0, 570, 3600, None),
            (Reissue::Fresh, Some(60), 0, 570, 600, Some(570)),
            (Reissue::Fresh, None, 0, 570, 300, Some(300)),
            (Reissue::Sticky, None, 0, 0, 3600, Some(3600)),
            (Reissue::Sticky, Some(60), 0, 0, 3600, Some(3540)),
            (Reissue::KillsOld, None, 0, 0, 3600, Some(3600)),
            (Reissue::KillsOld, None, 300, 0, 7200, Some(6900)),
            (Reissue::KillsOld, Some(600), 300, 0, 7200, Some(6900)),
            (Reissue::KillsOld, Some(60), 300, 0, 7200, Some(7140)),
        ] {
            let renewal = Renewal {
                before: before.map(seconds),
                reissue,
                grace: seconds(grace),
                interval: seconds(interval),
            };
            let hint = renewal.hint(seconds(lifetime));
            assert_eq!(hint, expected.map(seconds), "{renewal:?} {lifetime}");
        }
    }
}
