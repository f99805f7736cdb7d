//! What fetches and second attempts bring, and when it is dropped.

use super::*;

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
fn a_token_in_its_last_moments_is_worth_more_than_an_error() {
    let mut bench = Bench::proven();
    bench.pass(secs(291));
    let hurried = Want {
        since: bench.machine.ended(),
        patience: Duration::ZERO,
        ..CALL
    };
    assert!(matches!(
        bench.call_with(&hurried),
        (Wanted::Wait(Some(_)), Some(Reason::Expired))
    ));
    let number = bench.machine.pending().unwrap();
    // By chance the gap is none at all, and so is over at once.
    let down = Error::transient("down");
    bench.machine.failed(bench.now, number, &down, 0, true, 0.0);
    assert!(matches!(bench.call_with(&hurried).0, Wanted::Use(it) if it.generation() == 1));
}

#[test]
fn what_is_over_at_its_end_is_over_for_those_who_don_t_look_at_it() {
    let mut bench = Bench::new();
    bench.call();
    let asked = bench.now;
    // The wall clock is set back while the request is under way.
    bench.now.wall -= secs(3600);
    let late = brought(token(1).lives_for(secs(300)), asked);
    bench.machine.landed(bench.now, 1, late, 0.0);
    let current = bench.machine.state.token().unwrap();
    assert!(current.unusable.wall <= current.end.wall);
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
fn what_was_there_before_the_refusal_is_replaced_if_it_is_refused_too() {
    // By a second attempt, or by another process.
    for by_a_second_attempt in [true, false] {
        let mut bench = Bench::proven();
        let existing = Brought {
            existing: !by_a_second_attempt,
            ..brought(token(7).lives_for(secs(300)), bench.now)
        };
        if by_a_second_attempt {
            bench.machine.keep_spare(existing);
            bench.refuse(1);
        } else {
            bench.refuse(1);
            bench.call();
            bench.machine.landed(bench.now, 2, existing, 0.0);
        }
        assert_eq!(bench.sent(), Some(2));
        // By the request that was sent again with it, and by any other.
        let as_replay = bench.machine.replay_refused(bench.now, 2, 0);
        assert_eq!(as_replay, Rejection::Suspected);
        let other = Want {
            other_than: Some(2),
            ..CALL
        };
        assert_eq!(bench.call_with(&other).1, Some(Reason::Rejected));
        bench.land();
        assert_eq!(bench.sent(), Some(3));
        assert_eq!(bench.refuse(3), Rejection::Kept, "that one is new");
    }
}

#[test]
fn what_a_second_attempt_brought_is_gone_once_the_first_is_accepted() {
    let mut bench = Bench::proven();
    let spare = brought(token(7).lives_for(secs(300)), bench.now);
    bench.machine.keep_spare(spare);
    assert!(
        bench.machine.state.token().unwrap().reports(),
        "asks for it"
    );
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
