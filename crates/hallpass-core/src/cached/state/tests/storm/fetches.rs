//! How fetches end: with credentials of every kind, with errors of every kind, late, or not at all.

use super::*;

impl<S: PartialEq> Storm<S> {
    pub(super) fn end_fetch(&mut self) {
        if self.fetches.is_empty() {
            return;
        }
        // Mostly the newest: the others were given up, and end late if at all.
        let at = match self.random.u32(0..4) {
            0 => self.random.usize(..self.fetches.len()),
            _ => self.fetches.len() - 1,
        };
        let number = self.fetches.swap_remove(at);
        if self.random.u32(0..3) == 0 {
            self.fail(number);
        } else {
            let credential = self.credential();
            self.land(number, credential);
        }
        if self.random.u32(0..16) == 0 {
            let spare = self.brought(self.now);
            self.oracle.has_spare(&spare);
            self.machine.keep_spare(spare);
        }
    }

    /// One of few secrets, so that they come again.
    fn credential(&mut self) -> Credential {
        let token = token(self.random.u64(0..6));
        let token = match self.random.u32(0..12) {
            0 => token.lives_for(Duration::ZERO),
            1 => token.lives_for(secs(5)),
            2 => token.lives_for(Duration::MAX),
            3 => token.never_expires(),
            4 => token,
            5 => token.lives_for(secs(300)).renew_in(secs(30)),
            _ => token.lives_for(secs(300)),
        };
        match self.random.u32(0..12) {
            0 => token.with_scope("other"),
            _ => token,
        }
    }

    fn brought(&mut self, sent: Moment) -> Brought {
        Brought {
            credential: self.credential(),
            sent,
            version: u64::from(self.random.u32(0..12) == 0),
            existing: self.random.u32(0..4) == 0,
        }
    }

    pub(super) fn land(&mut self, number: u64, credential: Credential) {
        self.fetches.retain(|one| *one != number);
        let age = Duration::from_millis(self.random.u64(0..400));
        let sent = Moment {
            monotonic: self.now.monotonic.saturating_sub(age),
            wall: self.now.wall.saturating_sub(age),
        };
        let brought = Brought {
            credential,
            ..self.brought(sent)
        };
        let random = self.random.f64();
        let ended = self.machine.ended();
        let expected = self.oracle.expects(self.now, number, &brought);
        let landed = self
            .machine
            .landed(self.now, number, brought.clone(), random);
        assert_eq!(
            landed.is_some(),
            number > ended,
            "nothing is lost, and nothing older displaces it"
        );
        self.oracle.ended(number);
        let Some(landed) = landed else { return };
        self.oracle
            .landed(self.now, &landed, &brought, expected, &self.machine);
        self.machine.discarded();
        self.oracle.check(self.now, &mut self.machine);
        // Whoever has waited for it has something now.
        let waited = Want {
            other_than: None,
            after: None,
            replayable: false,
            since: number - 1,
            patience: Duration::ZERO,
        };
        let (answered, _) = self.ask(waited);
        assert!(answered || expected.keeps_old(), "what has landed is lost");
    }

    fn fail(&mut self, number: u64) {
        let asked = self.random.u64(0..10_000);
        let error = match self.random.u32(0..5) {
            0 => Error::interrupted("gone"),
            1 => Error::permanent("invalid_client"),
            2 => Error::transient("busy").after(secs(asked)),
            _ => Error::timeout("late"),
        };
        let random = self.random.f64();
        let version = self.random.u64(0..2);
        let waiting = !self.callers.is_empty();
        let was_pending = self.oracle.is_pending(self.now, number);
        let works = self.oracle.works(self.now);
        let told = self
            .machine
            .failed(self.now, number, &error, version, waiting, random);
        assert_eq!(told.is_some(), was_pending, "it is told exactly once");
        self.oracle.ended(number);
        if let Some(told) = told {
            self.oracle
                .failed(self.now, number, (&error, &told), version, (works, waiting));
        }
    }

    /// Its runtime is gone or stands still; it may end later all the same.
    pub(super) fn lose_fetch(&mut self) {
        self.oracle.lapse(self.now);
        if let Some(number) = self.machine.pending() {
            self.machine.lost();
            self.oracle.ended(number);
        }
    }
}
