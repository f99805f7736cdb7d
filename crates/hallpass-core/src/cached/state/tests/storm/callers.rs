//! Callers: what they are told, and that they are told in time.

use super::*;

/// Somebody who waits, and what was so when it looked last.
pub(super) struct Caller<S> {
    want: Want,
    patience_ends: Duration,
    seen: S,
    at: Moment,
    version: u64,
}

/// More would only be more of the same.
const MOST: usize = 12;

impl<S: PartialEq> Storm<S> {
    /// Somebody comes.
    pub(super) fn arrive(&mut self) {
        let newest = self.oracle.newest();
        let refused = (self.random.u32(0..4) == 0).then(|| self.random.u64(0..=newest));
        let want = Want {
            other_than: refused,
            after: (self.random.u32(0..10) == 0).then(|| self.machine.ended()),
            replayable: self.random.bool(),
            since: self.machine.ended(),
            patience: secs(self.random.u64(0..6)),
        };
        self.ask(want);
    }

    pub(super) fn look_again(&mut self) {
        if !self.callers.is_empty() {
            let at = self.random.usize(..self.callers.len());
            self.look(at);
        }
    }

    /// Somebody who waits looks again, as after each change.
    pub(super) fn look(&mut self, at: usize) {
        let caller = self.callers.swap_remove(at);
        let version = self.random.u64(0..2);
        let unchanged = caller.seen == (self.situation)(&self.machine)
            && caller.at == self.now
            && caller.version == version;
        let patience = caller.patience_ends.saturating_sub(self.now.monotonic);
        let want = Want {
            patience,
            ..caller.want
        };
        let (answered, began) = self.ask_with(want, version);
        // Nobody is told of anything while the situation is the same.
        assert!(
            !unchanged || (!answered && !began),
            "news that nobody was woken for"
        );
    }

    /// What a caller is told. Says whether it was answered, and whether a fetch has begun.
    pub(super) fn ask(&mut self, want: Want) -> (bool, bool) {
        let version = self.random.u64(0..2);
        self.ask_with(want, version)
    }

    fn ask_with(&mut self, want: Want, version: u64) -> (bool, bool) {
        self.oracle.lapse(self.now);
        let step = self.machine.wanted(self.now, version, &want);
        if let Some((number, reason)) = step.begin {
            self.counts.fetches += 1;
            self.fetches.push(number);
            let plain = want.after.is_none();
            self.oracle.began(self.now, number, reason, version, plain);
        }
        let began = step.begin.is_some();
        let pending = self.machine.pending().is_some();
        match step.wanted {
            Wanted::Use(current) => {
                self.oracle.used(self.now, &current, &want, &self.machine);
                (true, began)
            }
            Wanted::Take(credential) => {
                self.oracle.taken(self.now, &credential, &want);
                (true, began)
            }
            Wanted::Fail(error) => {
                assert!(!began, "whoever starts a fetch waits for it");
                self.oracle.gave_up(self.now, &error, &want);
                self.counts.gave_up += 1;
                (true, began)
            }
            Wanted::Wait(pause) => {
                // Whoever waits is woken: by a fetch, or by the time.
                assert!(pending || pause.is_some(), "nobody will wake it");
                self.oracle.waits(self.now, &want, &self.machine);
                self.counts.waited += 1;
                if self.callers.len() < MOST {
                    self.callers.push(Caller {
                        want,
                        patience_ends: self.now.monotonic + want.patience,
                        seen: (self.situation)(&self.machine),
                        at: self.now,
                        version,
                    });
                }
                (false, began)
            }
        }
    }
}
