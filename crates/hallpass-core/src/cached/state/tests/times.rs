//! When a credential is due, and how long gaps grow.

use super::*;

/// Lands a token of this lifetime with this randomness; when it is due.
fn due_after(lifetime: u64, random: f64) -> Duration {
    let mut machine = machine();
    machine.wanted(START, 0, &CALL);
    let token = token(1).lives_for(secs(lifetime));
    machine.landed(START, 1, brought(token, START), random);
    machine.state.token().unwrap().due.left(START)
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
        let current = machine.state.token().unwrap();
        assert!(current.due.monotonic < current.unusable.monotonic);
    }
}

#[test]
fn what_lives_for_a_tenth_of_the_gap_is_used_as_long_as_it_lives_and_less_for_the_gap() {
    for (millis, used) in [(100, 100), (99, 1000)] {
        let mut machine = machine();
        machine.wanted(START, 0, &CALL);
        let token = token(1).lives_for(Duration::from_millis(millis));
        machine.landed(START, 1, brought(token, START), 0.0);
        let end = machine.state.token().unwrap().end;
        assert_eq!(end.left(START), Duration::from_millis(used));
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
fn no_duration_makes_it_panic() {
    let most = Duration::MAX;
    let policy = Policy::default()
        .longest_lifetime(most)
        .default_lifetime(most)
        .renewal_window(most)
        .margin(most)
        .margin_share(1.0)
        .renewal_share(1.0)
        .hint_jitter(0.0)
        .transient_gap(most)
        .transient_gap_limit(most)
        .waiting_gap_limit(most)
        .outage_gap_limit(most)
        .permanent_gap(most)
        .permanent_gap_limit(most)
        .fetch_deadline(most);
    let policy = Arc::new(policy);
    for credential in [token(1), token(1).lives_for(most).renew_in(most)] {
        for random in [0.0, 0.5, 1.0] {
            let mut machine = Machine::new(Arc::clone(&policy), Traits::default());
            machine.wanted(START, 0, &CALL);
            let error = Error::transient("down");
            machine.failed(START, 1, &error, 0, false, random);
            let renewed = Want {
                after: Some(1),
                ..CALL
            };
            machine.wanted(START, 0, &renewed);
            let brought = brought(credential.clone(), START);
            assert!(machine.landed(START, 2, brought, random).is_some());
        }
    }
    // A lifetime that is cut may come with a hint that is not.
    let mut machine = Machine::new(Policy::default().hint_jitter(0.0).into(), Traits::default());
    machine.wanted(START, 0, &CALL);
    let hinted = token(1).lives_for(secs(300)).renew_in(most);
    machine.landed(START, 1, brought(hinted, START), 0.0);
    let current = machine.state.token().unwrap();
    assert!(current.due.monotonic < current.unusable.monotonic);
}

#[test]
fn gaps_stay_at_their_limit_for_ever() {
    for streak in [0, 1, 31, 32, 33, 64, u32::MAX] {
        let gap = crate::cached::policy::doubled(secs(30), streak, secs(600));
        assert!(gap >= secs(30) && gap <= secs(600), "{streak}: {gap:?}");
    }
}

#[test]
fn a_gap_that_was_chosen_while_the_token_worked_is_too_long_in_its_last_moments() {
    let mut bench = Bench::proven();
    bench.pass(secs(241));
    for _ in 0..7 {
        while bench.call().1.is_none() {
            bench.pass(Duration::from_millis(500));
        }
        bench.fail_for(false, &Error::transient("down"));
    }
    // The seventh gap is 32 s, and reaches past the token's end.
    bench.pass(secs(17));
    assert!(matches!(bench.call(), (Wanted::Use(_), None)), "not yet");
    bench.pass(secs(1));
    assert_eq!(bench.call().1, None);
    bench.pass(secs(1));
    assert!(matches!(bench.call(), (Wanted::Use(_), Some(_))));
}

#[test]
fn a_fetch_that_ended_with_its_runtime_is_started_anew_three_times_at_once() {
    let mut bench = Bench::new();
    assert_eq!(bench.call().1, Some(Reason::First));
    for _ in 0..3 {
        bench.fail(&Error::interrupted("its runtime is gone"));
        assert_eq!(bench.call().1, Some(Reason::First));
    }
    bench.fail(&Error::interrupted("its runtime is gone"));
    assert_eq!(bench.call().1, None, "that is a failure like any other");
    bench.pass(secs(1));
    assert_eq!(bench.call().1, Some(Reason::First));
}
