//! What must hold of every answer, every fetch and every failure.

use super::*;

impl Oracle {
    /// A caller is given this one.
    pub(in super::super) fn used(
        &mut self,
        now: Moment,
        current: &Current,
        want: &Want,
        machine: &Machine,
    ) {
        let generation = current.generation();
        let life = self.lives.of(generation);
        assert!(life.secret.same_secret(&current.credential));
        assert!(
            !life.end.passed(now) && !current.end.passed(now),
            "it is over"
        );
        assert!(want.after.is_none());
        if let Some(successor) = &mut self.successor {
            if successor.generation == generation {
                assert!(want.replayable && want.other_than.is_none());
                assert!(successor.probe.passed(now), "one request a gap");
                successor.probe = now.plus(successor.gap);
                successor.probing = true;
                return;
            }
            assert_eq!(Some(generation), self.serving, "the predecessor serves");
            return;
        }
        assert_eq!(
            Some(generation),
            self.serving,
            "one that was replaced never comes back"
        );
        let patience = Policy::default().patience;
        let lasting = self
            .pending
            .is_some_and(|(_, began, _)| began.plus(patience).passed(now));
        let silent = self
            .pending
            .is_some_and(|(_, began, _)| began.plus(Policy::default().renewal_gap).passed(now));
        let refused = want.other_than.is_some();
        if let Some(suspicion) = &mut self.suspicion {
            if machine.pending().is_none() && (refused || suspicion.tried || !want.replayable) {
                suspicion.open = true;
            } else if refused {
                assert!(lasting, "it waits for the replacement");
            } else if !suspicion.open {
                let tries = want.replayable && !suspicion.tried;
                assert!(tries || lasting, "one request tries it");
                suspicion.tried |= tries;
            }
        } else if life.unusable.passed(now) && want.other_than != Some(generation) {
            assert!(
                silent || machine.failures.any(),
                "its last moments are for when no other can be had"
            );
        }
    }

    /// A caller is given what a fetch has brought, whatever there is in hand.
    pub(in super::super) fn taken(&mut self, now: Moment, taken: &Credential, want: &Want) {
        let life = self.lives.of(taken.generation());
        assert!(life.secret.same_secret(taken));
        let graced = self.grace.is_some_and(|until| !until.passed(now));
        assert!(!life.end.passed(now) || graced, "it is over");
        assert!(want.after.is_some() || self.serving.is_none());
    }

    /// A caller is told of a failure.
    pub(in super::super) fn gave_up(&mut self, now: Moment, error: &Error, want: &Want) {
        self.lapse(now);
        if let Some(after) = want.after {
            assert!(self.last_failed > after, "the outcome of a later fetch");
            return;
        }
        assert_eq!(self.serving, None, "it goes with what it has");
        let outlasts = error.retry_after().is_some_and(|left| left > want.patience);
        assert!(
            error.is_permanent() || outlasts || self.last_failed > want.since,
            "a failure from before it came"
        );
    }

    /// A caller waits.
    pub(in super::super) fn waits(&mut self, now: Moment, want: &Want, machine: &Machine) {
        if want.after.is_some() {
            assert!(self.pending.is_some());
            return;
        }
        assert!(self.successor.is_none(), "the predecessor is there");
        let Some(serving) = self.serving else { return };
        let refused = want.other_than == Some(serving);
        let replacing = self
            .pending
            .is_some_and(|(.., reason)| reason == Reason::Rejected);
        let unusable = machine
            .state
            .token()
            .is_some_and(|token| token.unusable.passed(now));
        assert!(
            self.suspicion.is_some() || unusable || (refused && replacing),
            "nobody waits while a credential is fresh"
        );
    }

    /// A fetch begins. `plain` says that nobody has asked for it expressly.
    pub(in super::super) fn began(
        &mut self,
        now: Moment,
        number: u64,
        reason: Reason,
        version: u64,
        plain: bool,
    ) {
        assert!(self.pending.is_none(), "at most one fetch is pending");
        assert!(number > self.begun, "numbers only grow");
        self.begun = number;
        self.pending = Some((number, now, reason));
        if reason == Reason::Rejected {
            assert!(self.suspicion.is_some() && !self.traits.fixed);
        }
        if !plain {
            return;
        }
        if let Some(gap) = &self.failure {
            let changed = gap.permanent && gap.version != version;
            let second = gap.at.plus(Policy::default().waiting_gap_limit);
            // Whoever has nothing shortens a gap that no server has named.
            let hurried = !gap.asked && !gap.permanent && second.passed(now);
            assert!(
                changed || gap.until.passed(now) || hurried || gap.loose,
                "a fetch within the gap: {gap:?} {now:?}"
            );
        }
        if let Some(graced) = self.graced
            && reason != Reason::Rejected
        {
            let second = graced.plus(Policy::default().renewal_gap);
            assert!(second.passed(now), "one fetch a second at most");
        }
    }

    /// A fetch has failed, and this is what those who wait are told.
    pub(in super::super) fn failed(
        &mut self,
        now: Moment,
        number: u64,
        (error, told): (&Error, &Error),
        version: u64,
        (works, waiting): (bool, bool),
    ) {
        if error.is_interrupted() {
            self.interrupted += 1;
            if self.interrupted > 3 && !works {
                self.failure = None;
            }
            return;
        }
        let gap = told.retry_after().expect("it says when");
        let asked = error.retry_after().filter(|asked| !asked.is_zero());
        let policy = Policy::default();
        let (least, most) = match asked {
            Some(asked) => {
                let asked = asked.min(secs(3600));
                (asked, asked.mul_f64(1.1))
            }
            None if error.is_permanent() => (policy.permanent_gap, policy.permanent_gap_limit),
            None if waiting => (Duration::ZERO, policy.waiting_gap_limit),
            None if works => (Duration::ZERO, policy.transient_gap_limit),
            None => (Duration::ZERO, policy.outage_gap_limit),
        };
        assert!((least..=most).contains(&gap), "{gap:?} after {error:?}");
        self.failure = Some(Gap {
            until: now.plus(gap),
            at: now,
            permanent: error.is_permanent(),
            asked: asked.is_some(),
            version,
            loose: false,
        });
        self.last_failed = number;
        self.grace = None;
        if let Some(suspicion) = &mut self.suspicion {
            suspicion.open = true;
        }
    }

    /// What must hold after each event, and what everybody may take without asking.
    pub(in super::super) fn check(&mut self, now: Moment, machine: &mut Machine) {
        for token in [machine.in_hand(now), machine.suspect_in_hand(now)] {
            assert!(token.is_none_or(|token| !token.end.passed(now)));
        }
        machine.lapse(now);
        self.lapse(now);
        let generation = |token: &Arc<Current>| token.generation();
        assert_eq!(machine.state.token().map(generation), self.serving);
        assert_eq!(machine.generation, self.newest());
        assert_eq!(machine.pending(), self.pending.map(|(number, ..)| number));
        let fell_back = matches!(machine.state, State::FellBack(_));
        assert_eq!(fell_back, self.successor.is_some(), "{:?}", machine.state);
        let suspect = matches!(machine.state, State::Suspect(_));
        assert_eq!(suspect, self.suspicion.is_some(), "{:?}", machine.state);
        match machine.visible() {
            Some(visible) => {
                assert_eq!(Some(visible.generation()), self.serving);
                assert!(!fell_back, "the predecessor is for those who ask");
                assert!(self.suspicion.as_ref().is_none_or(|one| one.open));
            }
            None => assert!(self.serving.is_none() || fell_back || suspect),
        }
    }
}
