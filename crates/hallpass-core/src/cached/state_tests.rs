//! What the public API can't reach: chosen randomness, and every order of events.

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
        let number = self.machine.pending().unwrap();
        self.machine.failed(self.now, number, error, 0, true, 1.0);
    }

    fn refuse(&mut self, generation: u64) -> Rejection {
        self.machine.refused(self.now, generation, 0)
    }

    fn accept(&mut self, generation: u64) {
        self.machine.accepted(self.now, generation);
    }
}

#[test]
fn a_refused_successor_gives_way_to_its_predecessor_and_is_tried_again() {
    let mut bench = Bench::renewed();
    assert_eq!(bench.sent(), Some(2));
    assert_eq!(bench.refuse(2), Rejection::FellBack);
    for _ in 0..5 {
        assert_eq!(bench.sent(), Some(1));
        assert_eq!(bench.refuse(2), Rejection::Superseded, "sent before");
    }
    bench.pass(secs(1));
    assert_eq!(bench.sent(), Some(2), "one tries it");
    assert_eq!(bench.sent(), Some(1), "the others don't");
    assert_eq!(bench.refuse(2), Rejection::Superseded);
    bench.pass(secs(1));
    assert_eq!(bench.sent(), Some(1), "the gap doubles");
    bench.pass(secs(1));
    assert_eq!(bench.sent(), Some(2));
    bench.accept(2);
    assert_eq!(bench.sent(), Some(2));
    assert!(matches!(bench.machine.state, State::Proven(_)));
    assert_eq!(bench.machine.fetches, 2);
}

#[test]
fn a_successor_serves_when_its_predecessor_is_over() {
    let mut bench = Bench::renewed();
    bench.refuse(2);
    bench.pass(secs(59));
    assert!(bench.sent().is_some());
    bench.pass(secs(1));
    for _ in 0..3 {
        assert_eq!(bench.sent(), Some(2));
    }
}

#[test]
fn a_predecessor_refused_for_its_age_leaves_the_successor_in_peace() {
    let mut bench = Bench::renewed();
    bench.refuse(2);
    bench.accept(1);
    // It had 59 s left; the last 10 s of them are not to be relied on.
    bench.pass(secs(50));
    assert_eq!(bench.refuse(1), Rejection::Superseded);
    for _ in 0..3 {
        assert_eq!(bench.sent(), Some(2));
    }
    assert_eq!(bench.machine.fetches, 2);
}

#[test]
fn a_predecessor_that_others_accept_stays() {
    let mut bench = Bench::renewed();
    bench.refuse(2);
    bench.accept(1);
    assert_eq!(bench.refuse(1), Rejection::Kept);
    assert_eq!(bench.sent(), Some(1));
    assert_eq!(bench.refuse(1), Rejection::Suspected, "not accepted since");
    assert_eq!(bench.call().1, Some(Reason::Rejected));
}

#[test]
fn all_revoked_right_after_a_renewal_costs_one_fetch() {
    let mut bench = Bench::renewed();
    assert_eq!(bench.refuse(2), Rejection::FellBack);
    assert_eq!(bench.refuse(1), Rejection::Suspected);
    let other = Want {
        other_than: Some(1),
        ..CALL
    };
    assert!(matches!(
        bench.call_with(&other),
        (Wanted::Wait(_), Some(Reason::Rejected))
    ));
    bench.land();
    assert!(matches!(bench.call_with(&other).0, Wanted::Use(it) if it.generation() == 3));
}

#[test]
fn one_request_tries_the_suspect_and_the_others_wait() {
    let mut bench = Bench::proven();
    assert_eq!(bench.refuse(1), Rejection::Suspected);
    let by_stream = Want {
        replayable: false,
        ..CALL
    };
    let (wanted, begun) = bench.call_with(&by_stream);
    assert!(matches!(wanted, Wanted::Wait(_)));
    assert_eq!(begun, Some(Reason::Rejected));
    assert_eq!(bench.sent(), Some(1), "the canary");
    assert_eq!(bench.sent(), None);
    assert_eq!(bench.refuse(1), Rejection::Suspected);
    assert_eq!(bench.sent(), None, "there is one canary");
    bench.land();
    assert_eq!(bench.sent(), Some(2));
    assert_eq!(bench.machine.fetches, 2);
}

#[test]
fn a_suspect_that_others_accept_is_cleared_and_fetches_back_off() {
    let mut bench = Bench::proven();
    let mut generation = 1;
    // One endpoint refuses every second what fifty others accept.
    for _ in 0..3600 {
        bench.pass(secs(1));
        if bench.refuse(generation) == Rejection::Suspected {
            bench.accept(generation);
            let (wanted, _) = bench.call();
            assert!(matches!(wanted, Wanted::Use(_)), "nobody waits");
            if bench.machine.pending().is_none() {
                // Cleared before anybody fetched: the refused request asks for another.
                let other = Want {
                    other_than: Some(generation),
                    ..CALL
                };
                bench.call_with(&other);
            }
        }
        if bench.machine.pending().is_some() {
            bench.land();
            generation = bench.machine.generation;
            bench.machine.replay_refused(bench.now, generation);
        }
        bench.accept(generation);
        generation = bench.machine.generation;
    }
    let fetches = bench.machine.fetches;
    assert!((14..=90).contains(&fetches), "{fetches}");
}

#[test]
fn three_refusals_in_a_row_override_the_backing_off() {
    let mut bench = Bench::proven();
    bench.refuse(1);
    bench.call();
    bench.accept(1);
    bench.land();
    bench.accept(2);
    assert_eq!(bench.refuse(2), Rejection::Kept);
    bench.accept(2);
    assert_eq!(bench.refuse(2), Rejection::Kept);
    assert_eq!(bench.refuse(2), Rejection::Kept);
    assert_eq!(bench.refuse(2), Rejection::Suspected);
    assert_eq!(bench.sent(), Some(2), "it stays in sight meanwhile");
    bench.land();
    assert_eq!(bench.sent(), Some(3));
}

#[test]
fn a_new_token_is_replaced_once_and_its_replacement_may_settle() {
    let mut bench = Bench::new();
    bench.call();
    bench.land();
    assert_eq!(bench.refuse(1), Rejection::Suspected);
    bench.call();
    bench.land();
    for _ in 0..9 {
        assert_eq!(bench.refuse(2), Rejection::Kept);
        assert_eq!(bench.sent(), Some(2));
        bench.pass(secs(1));
    }
    bench.pass(secs(2));
    assert_eq!(bench.refuse(2), Rejection::Suspected);
}

#[test]
fn a_suspect_serves_on_when_no_replacement_can_be_had() {
    let mut bench = Bench::proven();
    bench.refuse(1);
    bench.call();
    assert_eq!(bench.sent(), None);
    bench.fail(&Error::transient("down"));
    for _ in 0..600 {
        assert_eq!(bench.sent(), Some(1));
        bench.pass(Duration::from_millis(300));
        if bench.machine.pending().is_some() {
            bench.fail(&Error::transient("down"));
        }
    }
}

#[test]
fn the_same_secret_again_is_no_news() {
    let mut bench = Bench::proven();
    bench.refuse(1);
    bench.call();
    let again = token(1).lives_for(secs(300));
    let landed = bench
        .machine
        .landed(bench.now, 2, brought(again, bench.now), 0.0);
    assert_eq!(landed.unwrap().generation(), 1);
    let other = Want {
        other_than: Some(1),
        ..CALL
    };
    assert!(matches!(bench.call_with(&other).0, Wanted::Use(it) if it.generation() == 1));
    assert_eq!(
        bench.refuse(1),
        Rejection::Kept,
        "and it is not asked for again at once"
    );
}

#[test]
fn a_fixed_credential_is_never_replaced() {
    let fixed = Traits {
        fixed: true,
        ..Traits::default()
    };
    let mut machine = Machine::new(Arc::default(), fixed);
    machine.wanted(START, 0, &CALL);
    machine.landed(START, 1, brought(token(1).never_expires(), START), 0.5);
    for _ in 0..100 {
        assert_eq!(machine.refused(START, 1, 0), Rejection::Kept);
    }
    assert_eq!(machine.fetches, 1);
}

#[test]
fn a_renewal_with_less_life_displaces_nothing() {
    let mut bench = Bench::proven();
    bench.pass(secs(251));
    bench.call();
    let short = brought(token(9).lives_for(secs(2)), bench.now);
    let landed = bench.machine.landed(bench.now, 2, short, 0.0);
    assert_eq!(landed.unwrap().generation(), 1);
    assert_eq!(bench.sent(), Some(1));
}

#[test]
fn a_fetch_that_was_given_up_may_land_if_nothing_newer_has() {
    let mut bench = Bench::new();
    bench.call();
    bench.machine.lost();
    bench.call();
    let first = brought(token(1).lives_for(secs(300)), bench.now);
    assert!(
        bench
            .machine
            .landed(bench.now, 1, first.clone(), 0.0)
            .is_some()
    );
    assert_eq!(bench.sent(), Some(1));
    let second = brought(token(2).lives_for(secs(400)), bench.now);
    assert!(bench.machine.landed(bench.now, 2, second, 0.0).is_some());
    assert!(bench.machine.landed(bench.now, 1, first, 0.0).is_none());
}

#[test]
fn what_a_second_attempt_brought_replaces_a_refused_one() {
    let mut bench = Bench::proven();
    let spare = brought(token(7).lives_for(secs(300)), bench.now);
    bench.machine.keep_spare(spare);
    assert_eq!(bench.refuse(1), Rejection::Suspected);
    assert_eq!(bench.sent(), Some(2));
    assert_eq!(bench.machine.pending(), None);
}

#[test]
fn what_a_second_attempt_brought_is_gone_once_the_first_is_accepted() {
    let mut bench = Bench::proven();
    let spare = brought(token(7).lives_for(secs(300)), bench.now);
    bench.machine.keep_spare(spare);
    assert!(bench.machine.current().unwrap().reports(), "asks for it");
    bench.accept(1);
    bench.pass(secs(60));
    assert_eq!(bench.refuse(1), Rejection::Suspected);
    assert_eq!(bench.call().1, Some(Reason::Rejected), "a fetch");
}

#[test]
fn whoever_waited_takes_nothing_that_has_ended_since() {
    for (lifetime, pause, taken) in [(300, 3600, false), (0, 2, true), (0, 3600, false)] {
        let mut bench = Bench::new();
        let waiting = Want { since: 0, ..CALL };
        assert!(matches!(bench.call_with(&waiting).0, Wanted::Wait(_)));
        let number = bench.machine.pending().unwrap();
        let credential = token(1).lives_for(secs(lifetime));
        let brought = brought(credential, bench.now);
        bench.machine.landed(bench.now, number, brought, 0.0);
        bench.pass(secs(pause));
        let (wanted, _) = bench.call_with(&waiting);
        assert_eq!(
            matches!(wanted, Wanted::Take(_)),
            taken,
            "{lifetime} {pause}"
        );
    }
}

#[test]
fn what_is_dropped_is_dropped_outside_the_lock() {
    struct Tattler(Arc<std::sync::atomic::AtomicBool>, http::HeaderName);

    impl crate::Proof for Tattler {
        fn header(&self) -> &http::HeaderName {
            &self.1
        }

        fn prove(&self, _: &http::Method, _: &http::Uri) -> Result<http::HeaderValue, Error> {
            Err(Error::transient("none"))
        }

        fn answered(
            &self,
            _: &http::HeaderValue,
            _: &crate::Origin,
            _: http::StatusCode,
            _: &http::HeaderMap,
        ) -> bool {
            false
        }
    }

    impl Drop for Tattler {
        fn drop(&mut self) {
            assert!(
                !self.0.load(std::sync::atomic::Ordering::Relaxed),
                "dropped under the lock"
            );
        }
    }

    let locked = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let name = http::HeaderName::from_static("dpop");
    let watched = |n, lifetime| {
        let proof = Tattler(Arc::clone(&locked), name.clone());
        token(n).lives_for(secs(lifetime)).with_proof(proof)
    };
    let unlock = |bench: &mut Bench| {
        locked.store(false, std::sync::atomic::Ordering::Relaxed);
        bench.machine.discarded();
        locked.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    let mut bench = Bench::new();
    let want = Want {
        after: Some(u64::MAX),
        ..CALL
    };
    // A new one, the same again, a shorter-lived one, and two more on top of each other.
    for (n, lifetime) in [(1, 300), (1, 300), (2, 200), (3, 400), (4, 500), (5, 600)] {
        bench.call_with(&want);
        let number = bench.machine.pending().unwrap();
        let brought = brought(watched(n, lifetime), bench.now);
        bench.machine.landed(bench.now, number, brought, 0.0);
        unlock(&mut bench);
    }
    let late = brought(watched(6, 300), bench.now);
    bench.machine.landed(bench.now, 1, late, 0.0);
    unlock(&mut bench);
    bench.pass(secs(20));
    bench.refuse(5);
    unlock(&mut bench);
    bench.pass(secs(3600));
    bench.call();
    unlock(&mut bench);
    locked.store(false, std::sync::atomic::Ordering::Relaxed);
}

#[test]
fn what_a_second_attempt_brought_long_ago_is_of_no_use() {
    let mut bench = Bench::proven();
    let spare = brought(token(7).lives_for(secs(10)), bench.now);
    bench.machine.keep_spare(spare);
    bench.pass(secs(60));
    assert_eq!(bench.refuse(1), Rejection::Suspected);
    assert_eq!(bench.call().1, Some(Reason::Rejected), "a fetch");
}

/// Lands a token of this lifetime with this randomness; when it is due.
fn due_after(lifetime: u64, random: f64) -> Duration {
    let mut machine = machine();
    machine.wanted(START, 0, &CALL);
    let token = token(1).lives_for(secs(lifetime));
    machine.landed(START, 1, brought(token, START), random);
    machine.current().unwrap().due.left(START)
}

#[test]
fn the_window_has_exact_ends() {
    for (lifetime, latest, earliest) in [
        (300, 240, 225),
        (3600, 3300, 3225),
        (100, 80, 75),
        (86_400, 86_100, 86_025),
    ] {
        assert_eq!(due_after(lifetime, 0.0), secs(latest));
        assert_eq!(due_after(lifetime, 1.0), secs(earliest));
    }
}

#[test]
fn due_comes_before_unusable_whatever_is_set() {
    for policy in [
        Policy::default().renewal_window(secs(1)),
        Policy::default().renewal_share(0.0),
        Policy::default().margin_share(1.0),
    ] {
        let mut machine = Machine::new(policy.into(), Traits::default());
        machine.wanted(START, 0, &CALL);
        let token = token(1).lives_for(secs(300)).renew_in(secs(299));
        machine.landed(START, 1, brought(token, START), 0.0);
        let current = machine.current().unwrap();
        assert!(current.due.monotonic < current.unusable.monotonic);
    }
}

#[test]
fn no_share_makes_it_panic() {
    for share in [f64::NAN, -1.0, 7.0, f64::INFINITY] {
        let policy = Policy::default()
            .renewal_share(share)
            .margin_share(share)
            .hint_jitter(share)
            .renewal_jitter(share);
        let mut machine = Machine::new(policy.into(), Traits::default());
        machine.wanted(START, 0, &CALL);
        let token = token(1).lives_for(secs(300)).renew_in(secs(100));
        machine.landed(START, 1, brought(token, START), 0.5);
    }
}

#[test]
fn gaps_stay_at_their_limit_for_ever() {
    for streak in [0, 1, 31, 32, 33, 64, u32::MAX] {
        let gap = crate::cached::policy::doubled(secs(30), streak, secs(600));
        assert!(gap >= secs(30) && gap <= secs(600), "{streak}: {gap:?}");
    }
}

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
            Wanted::Take(_) => assert!(self.machine.current().is_none() || want.after.is_some()),
            // Whoever waits is woken: by a fetch, or by the time.
            Wanted::Wait(pause) => assert!(self.pending.is_some() || pause.is_some()),
            Wanted::Fail(_) => assert!(step.begin.is_none()),
        }
    }

    fn end_fetch(&mut self) {
        let Some(number) = self.pending.take() else {
            return;
        };
        let held = self.machine.current().cloned();
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
                let now = self.machine.current().map(|one| one.generation());
                assert_eq!(now, Some(held.generation()), "a failure takes nothing");
            }
        }
    }

    fn judge(&mut self) {
        let held = self.machine.current().cloned();
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
            assert!(self.machine.current().is_some(), "a refusal takes nothing");
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
