//! Every order of events.

use super::*;

/// Events in any order against the invariants that stand above [`Machine`].
struct Storm {
    random: fastrand::Rng,
    machine: Machine,
    now: Moment,
    pending: Option<u64>,
    begun: u64,
    newest: u64,
}

impl Storm {
    fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            machine: machine(),
            now: START,
            pending: None,
            begun: 0,
            newest: 0,
        }
    }

    fn pass(&mut self) {
        let time = Duration::from_millis(self.random.u64(0..10_000));
        match self.random.u32(0..20) {
            0 => self.now = self.now.plus(secs(400)),
            1 => self.now.wall += secs(3600),
            2 => self.now.wall -= secs(3600),
            3 => self.now.monotonic += secs(60),
            _ => self.now = self.now.plus(time),
        }
    }

    fn want(&mut self) {
        let want = Want {
            other_than: self.random.bool().then(|| self.random.u64(0..=self.newest)),
            after: (self.random.u32(0..10) == 0).then(|| self.machine.ended()),
            replayable: self.random.bool(),
            since: self.machine.ended(),
            patience: secs(self.random.u64(0..6)),
        };
        let version = self.random.u64(0..2);
        let before = self.machine.pending();
        let step = self.machine.wanted(self.now, version, &want);
        if let Some((number, _)) = step.begin {
            assert!(
                before.is_none() || self.machine.pending() != before,
                "one at a time"
            );
            assert!(number > self.begun);
            self.begun = number;
        }
        self.pending = self.machine.pending();
        match step.wanted {
            Wanted::Use(current) => {
                assert!(!current.end.passed(self.now), "never one that is over");
            }
            Wanted::Take(_) => {
                assert!(self.machine.state.token().is_none() || want.after.is_some());
            }
            // Whoever waits is woken: by a fetch, or by the time.
            Wanted::Wait(pause) => assert!(self.pending.is_some() || pause.is_some()),
            Wanted::Fail(_) => assert!(step.begin.is_none()),
        }
    }

    fn end_fetch(&mut self) {
        let Some(number) = self.pending.take() else {
            return;
        };
        let held = self.machine.state.token().cloned();
        if self.random.bool() {
            let n = self.random.u64(0..4);
            let token = match self.random.u32(0..6) {
                0 => token(n).lives_for(Duration::ZERO),
                1 => token(n).lives_for(secs(5)),
                2 => token(n).lives_for(Duration::MAX),
                3 => token(n).never_expires(),
                4 => token(n),
                _ => token(n).lives_for(secs(300)),
            };
            let random = self.random.f64();
            let landed = self
                .machine
                .landed(self.now, number, brought(token, self.now), random);
            let generation = landed.unwrap().generation();
            assert!(generation <= self.machine.generation);
            assert!(self.machine.generation >= self.newest, "they only grow");
            self.newest = self.machine.generation;
        } else {
            let error = match self.random.u32(0..4) {
                0 => Error::interrupted("gone"),
                1 => Error::permanent("invalid_client"),
                2 => Error::transient("busy").after(secs(self.random.u64(0..10_000))),
                _ => Error::timeout("late"),
            };
            let random = self.random.f64();
            self.machine
                .failed(self.now, number, &error, 0, self.random.bool(), random);
            let over = |one: &Arc<Current>| one.end.passed(self.now);
            if let Some(held) = held.filter(|held| !over(held)) {
                let now = self.machine.state.token().map(|one| one.generation());
                assert_eq!(now, Some(held.generation()), "a failure takes nothing");
            }
        }
    }

    fn judge(&mut self) {
        let held = self.machine.state.token().cloned();
        let generation = self.random.u64(0..3) + self.newest.saturating_sub(2);
        match self.random.u32(0..3) {
            0 => {
                self.machine.accepted(self.now, generation);
            }
            1 => {
                self.machine.refused(self.now, generation, 0);
            }
            _ => self.machine.replay_refused(self.now, generation),
        }
        if held.is_some_and(|held| !held.end.passed(self.now)) {
            assert!(
                self.machine.state.token().is_some(),
                "a refusal takes nothing"
            );
        }
    }
}

#[test]
fn the_invariants_hold_in_any_order_of_events() {
    for seed in 0..40 {
        let mut storm = Storm::new(seed);
        for _ in 0..2_500 {
            match storm.random.u32(0..9) {
                0 => storm.pass(),
                1..=3 => storm.want(),
                4 => storm.end_fetch(),
                5 if storm.random.u32(0..10) == 0 => {
                    storm.machine.lost();
                    storm.pending = None;
                }
                _ => storm.judge(),
            }
            storm.machine.discarded();
        }
        assert!(storm.begun > 20, "{}", storm.begun);
    }
}
