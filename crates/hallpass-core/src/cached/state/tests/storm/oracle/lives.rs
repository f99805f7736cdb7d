//! The credentials that have landed, and when each ends.

use super::*;
use crate::credential::Life as Said;

#[derive(Debug, Default)]
pub(super) struct Lives(Vec<Life>);

#[derive(Debug)]
pub(super) struct Life {
    pub(super) secret: Credential,
    pub(super) version: u64,
    pub(super) end: Moment,
    pub(super) unusable: Moment,
    pub(super) graced: bool,
    /// Until then a refusal may only mean that servers don't know it yet.
    pub(super) settled: Moment,
    /// Whether it came because the one before was refused.
    pub(super) replacement: bool,
}

const NEVER: Moment = Moment {
    monotonic: Duration::MAX,
    wall: Duration::MAX,
};

impl Life {
    pub(super) fn forever(&self) -> bool {
        self.secret.life() == Said::Forever
    }
}

impl Lives {
    pub(super) fn newest(&self) -> u64 {
        self.0.len() as u64
    }

    pub(super) fn of(&self, generation: u64) -> &Life {
        &self.0[generation as usize - 1]
    }

    /// When it ends, and whether it is over already.
    pub(super) fn end(brought: &Brought, now: Moment) -> (Moment, bool) {
        let policy = Policy::default();
        let lifetime = match brought.credential.life() {
            Said::Forever => return (NEVER, false),
            Said::Unknown => policy.default_lifetime,
            Said::Until { lifetime, .. } => lifetime.unwrap_or(policy.default_lifetime),
        };
        let lifetime = lifetime.min(policy.longest_lifetime);
        let usable = lifetime.saturating_sub((lifetime / 20).min(policy.margin));
        let over = lifetime < Duration::from_millis(100);
        if over || brought.sent.plus(usable).passed(now) {
            return (now.plus(policy.renewal_gap), true);
        }
        (now.plus(lifetime), false)
    }

    fn life(now: Moment, brought: &Brought, settled: Moment, replacement: bool) -> Life {
        let (end, graced) = Self::end(brought, now);
        Life {
            secret: brought.credential.clone(),
            version: brought.version,
            end,
            unusable: end,
            graced,
            settled,
            replacement,
        }
    }

    pub(super) fn add(&mut self, now: Moment, brought: &Brought) {
        let settled = now.plus(Policy::default().settling);
        self.0.push(Self::life(now, brought, settled, false));
    }

    /// `known` says that it was there before, so that it has nothing to settle.
    pub(super) fn add_replacement(&mut self, now: Moment, brought: &Brought, known: bool) {
        let settling = Policy::default().settling;
        let settled = if known { now } else { now.plus(settling) };
        self.0.push(Self::life(now, brought, settled, true));
    }

    /// The same secret has come again, with a new life.
    pub(super) fn renew(
        &mut self,
        now: Moment,
        generation: u64,
        brought: &Brought,
        suspected: bool,
    ) {
        let Life {
            settled,
            replacement,
            ..
        } = *self.of(generation);
        let settled = if suspected { now } else { settled };
        self.0[generation as usize - 1] =
            Self::life(now, brought, settled, suspected || replacement);
    }

    /// What the machine has taken in place of a suspect, without a fetch.
    pub(super) fn take_over(&mut self, now: Moment, token: &Current, known: bool) {
        assert!(token.generation() <= self.newest() + 1);
        let settling = Policy::default().settling;
        let life = Life {
            secret: token.credential.clone(),
            version: token.version,
            end: token.end,
            unusable: token.unusable,
            graced: token.graced,
            settled: if known { now } else { now.plus(settling) },
            replacement: true,
        };
        match self.0.get_mut(token.generation() as usize - 1) {
            Some(known) => *known = life,
            None => self.0.push(life),
        }
    }

    /// From when on each is used only if no other can be had.
    pub(super) fn note_unusable(&mut self, machine: &Machine) {
        for token in machine.all() {
            let life = &mut self.0[token.generation() as usize - 1];
            assert_eq!(life.end, token.end, "lifetime from when it was received");
            assert!(token.unusable.monotonic <= token.end.monotonic);
            life.unusable = token.unusable;
        }
    }
}
