//! What the public API can't reach: chosen randomness, and every order of events.

mod brought;
mod refused;
mod storm;
mod times;

use super::*;

const START: Moment = Moment {
    monotonic: Duration::from_secs(1_000),
    wall: Duration::from_secs(1_800_000_000),
};

const CALL: Want = Want {
    other_than: None,
    after: None,
    replayable: true,
    since: u64::MAX,
    patience: Duration::from_secs(5),
};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn token(n: u64) -> Credential {
    Credential::bearer(&format!("token-{n}")).unwrap()
}

fn machine() -> Machine {
    Machine::new(Arc::default(), Traits::default())
}

fn brought(credential: Credential, sent: Moment) -> Brought {
    Brought {
        credential,
        sent,
        version: 0,
        existing: false,
    }
}

/// A machine and its clock, with tokens of 300 s numbered by fetch.
struct Bench {
    machine: Machine,
    now: Moment,
}

impl Bench {
    fn new() -> Self {
        Self {
            machine: machine(),
            now: START,
        }
    }

    /// With a proven first token.
    fn proven() -> Self {
        let mut bench = Self::new();
        assert!(matches!(
            bench.call(),
            (Wanted::Wait(_), Some(Reason::First))
        ));
        bench.land();
        bench.machine.accepted(bench.now, 1);
        assert!(matches!(bench.machine.state, State::Proven(_)));
        bench
    }

    /// With a proven token that a renewal ahead has just displaced.
    fn renewed() -> Self {
        let mut bench = Self::proven();
        bench.pass(secs(241));
        assert_eq!(bench.call().1, Some(Reason::Ahead));
        bench.land();
        bench
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
    }

    fn call(&mut self) -> (Wanted, Option<Reason>) {
        self.call_with(&CALL)
    }

    fn call_with(&mut self, want: &Want) -> (Wanted, Option<Reason>) {
        let step = self.machine.wanted(self.now, 0, want);
        (step.wanted, step.begin.map(|(_, reason)| reason))
    }

    /// The generation that a call would be sent with.
    fn sent(&mut self) -> Option<u64> {
        match self.call().0 {
            Wanted::Use(current) => Some(current.generation()),
            _ => None,
        }
    }

    fn land(&mut self) {
        let number = self.machine.pending().unwrap();
        let credential = token(number).lives_for(secs(300));
        self.machine
            .landed(self.now, number, brought(credential, self.now), 0.0);
    }

    fn fail(&mut self, error: &Error) {
        self.fail_for(true, error);
    }

    fn fail_for(&mut self, waiting: bool, error: &Error) {
        let number = self.machine.pending().unwrap();
        self.machine
            .failed(self.now, number, error, 0, waiting, 1.0);
    }

    fn refuse(&mut self, generation: u64) -> Rejection {
        self.machine.refused(self.now, generation, 0)
    }

    fn accept(&mut self, generation: u64) {
        self.machine.accepted(self.now, generation);
    }
}
