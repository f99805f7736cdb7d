//! What refusals do to a credential, and acceptances after them.

use super::*;
use crate::cached::backoff::Vain;

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
            bench.machine.replay_refused(bench.now, generation, 0);
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
    assert!(bench.machine.visible().is_none() && bench.machine.in_hand(bench.now).is_none());
    bench.fail(&Error::transient("down"));
    for _ in 0..600 {
        assert_eq!(bench.sent(), Some(1));
        let machine = &bench.machine;
        assert!(machine.visible().is_some() && machine.in_hand(bench.now).is_some());
        bench.pass(Duration::from_millis(300));
        if bench.machine.pending().is_some() {
            bench.fail(&Error::transient("down"));
        }
    }
}

#[test]
fn a_gap_that_was_chosen_while_the_token_worked_is_too_long_once_it_is_refused() {
    let mut bench = Bench::proven();
    bench.pass(secs(241));
    for _ in 0..5 {
        while bench.call().1.is_none() {
            bench.pass(Duration::from_millis(500));
        }
        bench.fail_for(false, &Error::transient("down"));
    }
    // The gap is 8 s by now, and the token is fine for longer.
    bench.pass(secs(1));
    assert_eq!(bench.call().1, None);
    assert_eq!(bench.refuse(1), Rejection::Kept);
    assert!(matches!(bench.call(), (Wanted::Use(_), None)));
    bench.pass(secs(1));
    assert_eq!(bench.call().1, Some(Reason::Rejected));
    // Nor is one that was chosen while nobody was refused.
    bench.fail_for(false, &Error::transient("down"));
    assert_eq!(bench.refuse(1), Rejection::Kept);
    bench.pass(secs(1));
    assert_eq!(bench.call().1, Some(Reason::Rejected));
}

#[test]
fn a_replacement_that_is_refused_for_the_first_time_after_it_has_settled_is_replaced() {
    let mut bench = Bench::proven();
    bench.refuse(1);
    bench.call();
    bench.land();
    bench.pass(secs(11));
    assert_eq!(bench.refuse(2), Rejection::Suspected);
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
fn another_machine_goes_on_backing_off_and_counts_its_fetches_anew() {
    let policy = Policy::default();
    let mut past = RejectionBackoff::default();
    past.bump(START, 9, Vain::RefusedAgain, &policy);
    past.bump(START, 9, Vain::RefusedAgain, &policy);
    let mut here = past.clone().moved(START, |until| until);
    here.bump(START, 1, Vain::RefusedAgain, &policy);
    let once = START.plus(policy.rejection_gap);
    assert!(!past.holds(once), "one fetch counts once");
    assert!(here.holds(once) && here.is_sceptical());
    assert!(!here.holds(once.plus(policy.rejection_gap)));
}
