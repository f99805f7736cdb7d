//! The scenes: two and three threads that meet in the shell.

use std::time::Duration;

use super::{
    play::{ask_and_leave, cold, is_in_order, thread, warm},
    scheduler::{explore, sample},
};
use crate::{
    Challenges,
    sync::{Handle, model::time::advance},
};

const SECOND: Duration = Duration::from_secs(1);

fn callers(threads: usize, runtimes: usize) {
    let (cached, issuer) = cold();
    let runtimes: Vec<_> = (0..runtimes).map(|_| Handle::new()).collect();
    let callers: Vec<_> = (0..threads)
        .map(|n| {
            let cached = cached.clone();
            thread(&runtimes[n % runtimes.len()], move || cached.get())
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.join().unwrap().unwrap().generation(), 1);
    }
    assert_eq!(issuer.requests(), 1);
    is_in_order(&cached);
}

#[test]
fn callers_share_one_fetch() {
    explore("two callers", 2, || callers(2, 1));
    explore("two callers, two runtimes", 2, || callers(2, 2));
    explore("three callers, two runtimes", 2, || callers(3, 2));
    sample("three callers, two runtimes", 20_000, || callers(3, 2));
}

/// Refuses the first token, and says which one comes in its place.
fn refuse(runtime: &Handle, cached: &super::super::Cached) -> shuttle::thread::JoinHandle<u64> {
    let cached = cached.clone();
    thread(runtime, move || async move {
        cached.reject_generation(1, &Challenges::default());
        cached.get_other_than(1).await.unwrap().generation()
    })
}

fn refusals(threads: usize) {
    let (cached, issuer) = warm();
    let runtime = Handle::new();
    let callers: Vec<_> = (0..threads).map(|_| refuse(&runtime, &cached)).collect();
    for caller in callers {
        assert_eq!(caller.join().unwrap(), 2);
    }
    assert_eq!(issuer.requests(), 2, "one fetch for all refusals");
    is_in_order(&cached);
}

#[test]
fn refusals_share_one_fetch() {
    explore("two refusals", 2, || refusals(2));
    explore("three refusals", 2, || refusals(3));
    sample("three refusals", 20_000, || refusals(3));
}

fn refusal_and_renewal(callers: usize) {
    let (cached, issuer) = warm();
    let runtime = Handle::new();
    let renewing = {
        let cached = cached.clone();
        thread(&runtime, move || cached.renew())
    };
    let others: Vec<_> = (0..callers)
        .map(|_| {
            let cached = cached.clone();
            thread(&runtime, move || cached.get())
        })
        .collect();
    let refused = refuse(&runtime, &cached);
    assert!(renewing.join().unwrap().unwrap().generation() >= 2);
    assert!(refused.join().unwrap() >= 2, "never what was refused");
    for other in others {
        other.join().unwrap().unwrap();
    }
    assert!((2..=3).contains(&issuer.requests()));
    is_in_order(&cached);
}

#[test]
fn a_refusal_meets_a_fetch_that_lands() {
    explore("a refusal and a renewal", 2, || refusal_and_renewal(0));
    explore("a refusal, a renewal and a caller", 2, || {
        refusal_and_renewal(1)
    });
    sample("a refusal, a renewal and a caller", 20_000, || {
        refusal_and_renewal(1);
    });
}

fn refusal_and_acceptance() {
    let (cached, issuer) = warm();
    let runtime = Handle::new();
    let refused = refuse(&runtime, &cached);
    let accepting = {
        let cached = cached.clone();
        thread(&runtime, move || async move {
            cached.accept_generation(1);
            cached.acquire(true).await
        })
    };
    assert!(refused.join().unwrap() <= 2);
    assert!(accepting.join().unwrap().is_ok());
    assert!(issuer.requests() <= 2);
    is_in_order(&cached);
}

#[test]
fn a_refusal_meets_an_acceptance() {
    explore("a refusal and an acceptance", 2, refusal_and_acceptance);
}

fn one_leaves() {
    let (cached, issuer) = cold();
    let runtime = Handle::new();
    let leaving = {
        let (runtime, cached) = (runtime.clone(), cached.clone());
        shuttle::thread::spawn(move || ask_and_leave(&runtime, &cached))
    };
    let staying = {
        let cached = cached.clone();
        thread(&runtime, move || cached.get())
    };
    leaving.join().unwrap();
    assert_eq!(staying.join().unwrap().unwrap().generation(), 1);
    assert_eq!(issuer.requests(), 1);
    is_in_order(&cached);
}

#[test]
fn a_caller_that_leaves_takes_nothing_with_it() {
    explore("a caller that leaves", 2, one_leaves);
}

fn renewals_ahead() {
    let (cached, issuer) = warm();
    // Due, and far from its end.
    advance(250 * SECOND);
    let runtime = Handle::new();
    let callers = [(); 2].map(|()| {
        let cached = cached.clone();
        thread(&runtime, move || cached.get())
    });
    for caller in callers {
        assert!(caller.join().unwrap().is_ok());
    }
    assert!(issuer.requests() <= 2);
    assert_eq!(cached.stats().fetches, 2, "one renewal");
    is_in_order(&cached);
}

#[test]
fn two_that_find_it_due_start_one_renewal() {
    explore("two find it due", 2, renewals_ahead);
}

/// A fetch runs on a runtime that ends at any moment, while others wait for it elsewhere.
fn lost_runtime(callers: usize) {
    let (cached, issuer) = cold();
    let (lost, lasting) = (Handle::new(), Handle::new());
    let losing = {
        let (lost, cached) = (lost.clone(), cached.clone());
        shuttle::thread::spawn(move || {
            ask_and_leave(&lost, &cached);
            lost.shut_down();
        })
    };
    let waiting: Vec<_> = (0..callers)
        .map(|_| {
            let cached = cached.clone();
            thread(&lasting, move || cached.get())
        })
        .collect();
    losing.join().unwrap();
    for caller in waiting {
        caller.join().unwrap().unwrap();
    }
    assert!((1..=2).contains(&issuer.requests()));
    is_in_order(&cached);
}

#[test]
fn a_runtime_that_ends_hands_its_fetch_over() {
    explore("a runtime ends", 2, || lost_runtime(1));
    explore("a runtime ends, two wait", 2, || lost_runtime(2));
    sample("a runtime ends, two wait", 20_000, || lost_runtime(2));
}

/// A fetch runs on a runtime that nobody drives, or not before this many seconds have passed.
fn still_runtime(goes_on_after: u32) {
    let (cached, issuer) = cold();
    let (still, lasting) = (Handle::new(), Handle::new());
    ask_and_leave(&still, &cached);
    // Whatever it has done by now.
    shuttle::thread::yield_now();
    still.stand_still();
    let waiting = {
        let cached = cached.clone();
        thread(&lasting, move || cached.get())
    };
    // Three until it looks lifeless, one for the second look, and room for preemptions.
    for second in 0..12 {
        if second == goes_on_after {
            still.go_on();
        }
        advance(SECOND);
        shuttle::thread::yield_now();
    }
    // No time passes any more: whoever still waits for the one that stands still waits for ever.
    assert!(waiting.join().unwrap().is_ok());
    still.go_on();
    assert!((1..=2).contains(&issuer.requests()));
    is_in_order(&cached);
}

#[test]
fn a_runtime_that_stands_still_is_left_behind() {
    explore("a runtime stands still", 2, || still_runtime(u32::MAX));
    explore("a runtime stands still and goes on", 2, || still_runtime(3));
}
