//! What the public API can't reach: chosen randomness, and every order of events.

use super::*;

const START: Moment = Moment {
    monotonic: Duration::from_secs(1_000),
    wall: Duration::from_secs(1_800_000_000),
};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn token(n: u64) -> Credential {
    Credential::bearer(&format!("token-{n}")).unwrap()
}

fn machine() -> Machine {
    Machine::new(Policy::default())
}

/// Lands a token of this lifetime with this randomness, the first one or a later one; when it is
/// due.
fn due_after(lifetime: u64, random: f64, first: bool) -> Duration {
    let mut machine = machine();
    if !first {
        assert!(matches!(machine.wanted(START, 0), Wanted::Fetch(1, _)));
        machine.landed(START, START, token(0).lives_for(Duration::ZERO), 0.0);
    }
    assert!(matches!(machine.wanted(START, 0), Wanted::Fetch(..)));
    let token = token(1).lives_for(secs(lifetime));
    machine.landed(START, START, token, random);
    let current = machine.current().unwrap();
    current.due.left(START)
}

#[test]
fn the_window_has_exact_ends() {
    for (lifetime, latest, earliest, first) in [
        (300, 240, 225, 222),
        (3600, 3300, 3225, 3210),
        (100, 80, 75, 74),
        (86_400, 86_100, 86_025, 86_010),
    ] {
        assert_eq!(due_after(lifetime, 0.0, false), secs(latest));
        assert_eq!(due_after(lifetime, 1.0, false), secs(earliest));
        assert_eq!(due_after(lifetime, 0.0, true), secs(latest));
        assert_eq!(due_after(lifetime, 1.0, true), secs(first));
    }
}

#[test]
fn no_share_makes_it_panic() {
    for share in [f64::NAN, -1.0, 7.0, f64::INFINITY] {
        let policy = Policy {
            renewal_share: share,
            margin_share: share,
            renewal_jitter: share,
            first_renewal_jitter: share,
            ..Policy::default()
        };
        let mut machine = Machine::new(policy);
        assert!(matches!(machine.wanted(START, 0), Wanted::Fetch(1, _)));
        machine.landed(START, START, token(1).lives_for(secs(300)), 0.5);
    }
}

#[test]
fn rejections_that_others_accept_are_paced() {
    let mut machine = machine();
    let mut now = START;
    let mut fetches = 0;
    // One endpoint refuses every token, another accepts each, for a minute.
    for second in 0..60_u64 {
        now = START.plus(secs(second));
        if let Wanted::Fetch(..) = machine.wanted(now, 0) {
            fetches += 1;
            machine.landed(now, now, token(fetches).lives_for(secs(3600)), 0.5);
        }
        machine.accepted(fetches);
        machine.rejected(now, fetches);
    }
    assert!((35..=42).contains(&fetches), "{fetches}");
    // After a quiet minute there is room for a burst again.
    now = now.plus(secs(60));
    assert_eq!(machine.rejected(now, fetches), Rejection::Suspected);
}

#[test]
fn a_transient_gap_is_all_of_it_at_most_and_nothing_at_least() {
    for (random, fails) in [(1.0, true), (0.0, false)] {
        let mut machine = machine();
        let error = Error::transient("reset");
        let mut now = START;
        for gap in [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000] {
            assert!(matches!(machine.wanted(now, 0), Wanted::Fetch(..)));
            machine.failed(now, &error, 0, random);
            if fails {
                now = now.plus(Duration::from_millis(gap - 1));
                assert!(matches!(machine.wanted(now, 0), Wanted::Fail(_)), "{gap}");
                now = now.plus(Duration::from_millis(1));
            }
        }
    }
}

#[test]
fn gaps_stay_at_their_limit_for_ever() {
    for streak in [0, 1, 31, 32, 33, 64, u32::MAX] {
        let gap = doubled(secs(30), streak, secs(600));
        assert!(gap >= secs(30) && gap <= secs(600), "{streak}: {gap:?}");
    }
}

/// Events in any order against the invariants that stand above [`Machine`].
struct Storm {
    random: fastrand::Rng,
    machine: Machine,
    now: Moment,
    flight: Option<u64>,
    flights: u64,
    generation: u64,
    overdue: Duration,
}

impl Storm {
    fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            machine: machine(),
            now: START,
            flight: None,
            flights: 0,
            generation: 0,
            overdue: Duration::MAX,
        }
    }

    fn current(&self) -> Option<Arc<Current>> {
        self.machine.current().cloned()
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
        let version = self.random.u64(0..2);
        let usable = self
            .current()
            .is_some_and(|current| !current.unusable.passed(self.now));
        if self.overdue <= self.now.monotonic {
            self.flight = None;
        }
        match self.machine.wanted(self.now, version) {
            Wanted::Use(_) => assert!(usable),
            Wanted::UseAndRenew(_, number) => {
                assert!(usable);
                self.took_off(number);
            }
            Wanted::Wait => assert!(!usable && self.flight.is_some()),
            Wanted::Fetch(number, _) => {
                assert!(!usable);
                self.took_off(number);
            }
            Wanted::Fail(error) => {
                assert!(!usable && self.flight.is_none());
                let left = error.retry_after().unwrap();
                assert!(left > Duration::ZERO && left <= secs(3600));
            }
        }
        assert_eq!(self.machine.flight(), self.flight);
    }

    fn took_off(&mut self, number: u64) {
        assert_eq!(self.flight, None, "one at a time");
        assert!(number > self.flights);
        self.flight = Some(number);
        self.flights = number;
        self.overdue = self.now.monotonic + secs(33);
    }

    fn land(&mut self) {
        if self.flight.take().is_none() {
            return;
        }
        let token = token(self.random.u64(0..4));
        let token = match self.random.u32(0..6) {
            0 => token.lives_for(Duration::ZERO),
            1 => token.lives_for(secs(5)),
            2 => token.lives_for(Duration::MAX),
            3 => token.never_expires(),
            4 => token,
            _ => token.lives_for(secs(300)),
        };
        let random = self.random.f64();
        let before = self.current();
        let (credential, left) = self.machine.landed(self.now, self.now, token, random);
        assert!(credential.generation() >= self.generation, "they only grow");
        self.generation = credential.generation();
        match (left, before, self.current()) {
            (Some(_), _, after) => assert_eq!(after.unwrap().generation(), self.generation),
            (None, before, after) => assert!(same(before.as_ref(), after.as_ref())),
        }
    }

    fn fail(&mut self) {
        if self.flight.take().is_none() {
            return;
        }
        let error = match self.random.u32(0..4) {
            0 => Error::interrupted("gone"),
            1 => Error::permanent("invalid_client"),
            2 => Error::transient("busy").after(secs(self.random.u64(0..10_000))),
            _ => Error::timeout("late"),
        };
        let before = self.current();
        let (version, random) = (self.random.u64(0..2), self.random.f64());
        self.machine.failed(self.now, &error, version, random);
        assert!(same(before.as_ref(), self.current().as_ref()));
    }

    fn reject(&mut self) {
        let before = self.current();
        let generation = self.random.u64(0..3) + self.generation.saturating_sub(2);
        let is_current = before
            .as_ref()
            .is_some_and(|current| current.generation() == generation);
        match self.machine.rejected(self.now, generation) {
            Rejection::Suspected => assert!(is_current && self.current().is_none()),
            Rejection::FellBack => unreachable!(),
            Rejection::Superseded => {
                assert!(!is_current && same(before.as_ref(), self.current().as_ref()));
            }
            Rejection::Kept => {
                let current = before.as_ref().unwrap();
                assert!(is_current && current.reports());
                assert!(same(before.as_ref(), self.current().as_ref()));
            }
        }
    }
}

fn same(one: Option<&Arc<Current>>, other: Option<&Arc<Current>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

#[test]
fn the_invariants_hold_in_any_order_of_events() {
    let mut happened = 0;
    for seed in 0..200 {
        let mut storm = Storm::new(seed);
        for _ in 0..2_000 {
            match storm.random.u32(0..12) {
                0..=4 => storm.want(),
                5 | 6 => storm.pass(),
                7 | 8 => storm.land(),
                9 => storm.fail(),
                10 => storm.reject(),
                _ => storm.machine.accepted(storm.generation),
            }
        }
        happened += storm.generation.min(storm.flights);
    }
    assert!(happened > 4_000, "{happened} is too little");
}
