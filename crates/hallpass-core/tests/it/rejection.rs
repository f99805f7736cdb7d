//! What a refusal by a server costs: one fetch a generation, and ever fewer if that doesn't help.
#![allow(clippy::unchecked_time_subtraction, reason = "a test may panic")]

use hallpass_core::{Cached, Challenges, Credential, Reason, Rejection};
use tokio::time::Instant;

use crate::common::{
    HOUR, SECOND, Source, bare, cached, challenges, flaky, millis, secret, secs, settle, token,
};

/// The next one that is not this.
async fn other(cached: &Cached, old: &Credential) -> Credential {
    for _ in 0..10 {
        let next = cached.get().await.unwrap();
        if next.generation() != old.generation() {
            return next;
        }
        settle().await;
    }
    panic!("no other one");
}

fn refuse(cached: &Cached, credential: &Credential) -> Rejection {
    cached.reject(credential, &Challenges::default())
}

#[tokio::test(start_paused = true)]
async fn a_hundred_rejections_of_one_generation_cost_one_fetch() {
    let source = Source::tokens(HOUR).taking(SECOND);
    let (cached, _) = cached(&source);
    let first = cached.get().await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..100 {
        assert_eq!(refuse(&cached, &first), Rejection::Suspected);
        waiting.push(tokio::spawn(cached.get()));
        tokio::time::sleep(millis(5)).await;
    }
    for get in waiting {
        assert_eq!(secret(&get.await.unwrap().unwrap()), "Bearer token-2");
    }
    assert_eq!(source.fetches(), 2);
    assert_eq!(source.reasons(), [Reason::First, Reason::Rejected]);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_one_is_not_handed_out_again() {
    let source = Source::tokens(HOUR).taking(SECOND);
    let (cached, _) = cached(&source);
    let first = cached.get().await.unwrap();
    refuse(&cached, &first);
    assert!(cached.try_get().is_none());
    assert_eq!(cached.stats().generation, None);
    tokio::time::sleep(SECOND + millis(1)).await;
    assert_eq!(cached.stats().generation, Some(2), "fetched at once");
}

#[tokio::test(start_paused = true)]
async fn a_late_rejection_of_an_old_generation_costs_nothing() {
    let source = Source::tokens(HOUR);
    let (cached, _) = cached(&source);
    let first = cached.get().await.unwrap();
    refuse(&cached, &first);
    let second = cached.get().await.unwrap();
    for _ in 0..100 {
        assert_eq!(refuse(&cached, &first), Rejection::Superseded);
    }
    assert_eq!(
        cached.try_get().unwrap().generation(),
        second.generation(),
        "the current one serves"
    );
    // Nor does it count against the current one, which has its own first refusal to come.
    assert_eq!((source.fetches(), cached.stats().rejections), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_fresh_one_that_fares_no_better_is_kept_and_fetches_back_off() {
    let source = Source::tokens(HOUR);
    let (cached, hands) = cached(&source);
    let first = cached.get().await.unwrap();
    assert_eq!(refuse(&cached, &first), Rejection::Suspected);
    let mut current = cached.get().await.unwrap();
    // A replacement has its ten seconds to settle, and longer once that has been of no use.
    for gap in [10, 10, 10, 16, 32, 60, 60, 60] {
        let fetches = source.fetches();
        assert_eq!(refuse(&cached, &current), Rejection::Kept, "gap {gap}");
        hands.pass(secs(gap) - millis(1));
        for _ in 0..10 {
            assert_eq!(refuse(&cached, &current), Rejection::Kept, "gap {gap}");
            assert_eq!(cached.get().await.unwrap().generation(), fetches);
        }
        assert_eq!(source.fetches(), fetches);
        hands.pass(millis(1));
        assert_eq!(refuse(&cached, &current), Rejection::Suspected, "gap {gap}");
        current = other(&cached, &current).await;
        assert_eq!(source.fetches(), fetches + 1);
    }
}

/// What went wrong long ago makes nobody wait now.
#[tokio::test(start_paused = true)]
async fn an_incident_that_is_over_is_forgotten() {
    let source = Source::tokens(24 * HOUR);
    let (cached, hands) = cached(&source);
    let mut current = cached.get().await.unwrap();
    for _ in 0..10 {
        refuse(&cached, &current);
        current = other(&cached, &current).await;
        refuse(&cached, &current);
        hands.pass(secs(60));
    }
    for _ in 0..100 {
        hands.pass(secs(3));
        cached.accept(&current);
    }
    // As at the first incident of all.
    assert_eq!(refuse(&cached, &current), Rejection::Suspected);
    current = other(&cached, &current).await;
    assert_eq!(refuse(&cached, &current), Rejection::Kept);
    hands.pass(secs(10));
    assert_eq!(refuse(&cached, &current), Rejection::Suspected);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_everything_for_an_hour_costs_a_fetch_a_minute() {
    let source = Source::tokens(HOUR * 2);
    let (cached, _) = cached(&source);
    let end = Instant::now() + HOUR;
    while Instant::now() < end {
        let credential = cached.get().await.unwrap();
        refuse(&cached, &credential);
        tokio::time::sleep(millis(500)).await;
    }
    let fetches = source.fetches();
    assert!((55..=75).contains(&fetches), "{fetches}");
}

#[tokio::test(start_paused = true)]
async fn acceptance_alone_does_not_end_the_backing_off() {
    let source = Source::tokens(HOUR);
    let (cached, hands) = cached(&source);
    let first = cached.get().await.unwrap();
    refuse(&cached, &first);
    let second = cached.get().await.unwrap();
    for _ in 0..5 {
        assert_eq!(refuse(&cached, &second), Rejection::Kept);
    }
    cached.accept(&first);
    assert_eq!(
        refuse(&cached, &second),
        Rejection::Kept,
        "that was another one"
    );
    cached.accept(&second);
    assert_eq!(
        refuse(&cached, &second),
        Rejection::Kept,
        "others accept it, so one refusal proves nothing yet"
    );
    cached.accept(&second);
    hands.pass(2 * SECOND);
    assert_eq!(refuse(&cached, &second), Rejection::Suspected);
}

#[tokio::test(start_paused = true)]
async fn a_static_credential_is_not_fetched_again_and_again() {
    let source = Source::always(Ok(bare(1).never_expires()));
    let (cached, _) = cached(&source);
    let end = Instant::now() + secs(600);
    while Instant::now() < end {
        let credential = cached.get().await.unwrap();
        assert_eq!(credential.generation(), 1, "it is no new one");
        refuse(&cached, &credential);
        tokio::time::sleep(millis(100)).await;
    }
    let fetches = source.fetches();
    assert!((5..=40).contains(&fetches), "{fetches} in ten minutes");
    // A file whose key was replaced is found.
    source.answer(|_, _| Ok(bare(2).never_expires()));
    tokio::time::sleep(secs(61)).await;
    let old = cached.get().await.unwrap();
    assert_eq!(refuse(&cached, &old), Rejection::Suspected);
    assert_eq!(other(&cached, &old).await.generation(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_source_is_told_the_challenge_once() {
    let source = Source::tokens(HOUR);
    let (cached, _) = cached(&source);
    let first = cached.get().await.unwrap();
    assert!(source.told().is_empty());
    let said = challenges(r#"Bearer error="invalid_token", claims="abc""#);
    cached.reject(&first, &said);
    let second = cached.get().await.unwrap();
    assert_eq!(source.told(), said);
    cached.accept(&second);
    tokio::time::sleep(HOUR).await;
    cached.get().await.unwrap();
    assert!(source.told().is_empty());
    assert_eq!(source.reasons().last(), Some(&Reason::Expired));
}

#[tokio::test(start_paused = true)]
async fn a_failed_fetch_does_not_lose_the_challenge() {
    let source = Source::tokens(HOUR);
    let (cached, hands) = cached(&source);
    let first = cached.get().await.unwrap();
    let said = challenges(r#"Bearer error="invalid_token", claims="abc""#);
    cached.reject(&first, &said);
    source.answer(|_, _| Err(flaky()));
    assert_eq!(
        cached.get().await.unwrap().generation(),
        1,
        "the suspect serves on"
    );
    hands.pass(SECOND);
    source.answer(|n, _| Ok(token(n, HOUR)));
    cached.get().await.unwrap();
    settle().await;
    assert_eq!(source.reasons().last(), Some(&Reason::Rejected));
    assert_eq!(source.told(), said);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_under_way_serves_those_whose_token_is_rejected() {
    let source = Source::tokens(secs(300));
    let (cached, _) = cached(&source);
    let first = cached.get().await.unwrap();
    source.take(secs(4));
    tokio::time::sleep(secs(241)).await;
    cached.try_get().unwrap();
    settle().await;
    let said = challenges("Bearer error=invalid_token");
    assert_eq!(cached.reject(&first, &said), Rejection::Suspected);
    let second = cached.get().await.unwrap();
    assert_eq!((source.fetches(), second.generation()), (2, 2));
    // Its fetch began before the rejection, so its own first rejection leads to another.
    assert_eq!(
        cached.reject(&second, &Challenges::default()),
        Rejection::Suspected
    );
    cached.get().await.unwrap();
    assert_eq!(source.reasons().last(), Some(&Reason::Rejected));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_ahead_is_not_told_an_old_challenge() {
    let source = Source::tokens(secs(300));
    let (cached, _) = cached(&source);
    let first = cached.get().await.unwrap();
    source.take(secs(5));
    tokio::time::sleep(secs(241)).await;
    cached.try_get().unwrap();
    settle().await;
    cached.reject(&first, &challenges("Bearer error=invalid_token"));
    cached.get().await.unwrap();
    tokio::time::sleep(secs(241)).await;
    cached.try_get().unwrap();
    settle().await;
    assert_eq!(source.reasons()[1..], [Reason::Ahead, Reason::Ahead]);
    assert!(source.told().is_empty(), "{:?}", source.told());
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_down_never_takes_a_token_that_may_work() {
    let source = Source::tokens(HOUR);
    let (cached, _) = cached(&source);
    let first = cached.get().await.unwrap();
    refuse(&cached, &first);
    source.answer(|_, _| Err(flaky().after(secs(10))));
    for _ in 0..600 {
        let served = cached.get().await.unwrap();
        assert_eq!(served.generation(), 1, "for ten minutes");
        tokio::time::sleep(SECOND).await;
    }
    assert!(source.fetches() <= 60, "{}", source.fetches());
    source.answer(|n, _| Ok(token(n, HOUR)));
    tokio::time::sleep(secs(11)).await;
    assert_eq!(refuse(&cached, &first), Rejection::Suspected);
    settle().await;
    assert_eq!(cached.get().await.unwrap().generation(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_in_a_hurry_takes_a_refused_one_rather_than_none() {
    let source = Source::tokens(HOUR);
    let (cached, _) = cached(&source);
    let first = cached.get().await.unwrap();
    source.take(HOUR);
    refuse(&cached, &first);
    let start = Instant::now();
    let served = cached.get_within(SECOND).await.unwrap();
    assert_eq!((served.generation(), start.elapsed()), (1, SECOND));
    let renewed = tokio::time::timeout(SECOND, cached.renew()).await;
    assert!(renewed.is_err(), "asked for another, it gets no other");
}

#[tokio::test(start_paused = true)]
async fn what_was_never_from_here_is_none_of_ours() {
    let source = Source::tokens(HOUR);
    let (cached, _) = cached(&source);
    assert_eq!(refuse(&cached, &bare(1)), Rejection::Superseded);
    cached.get().await.unwrap();
    assert_eq!(refuse(&cached, &bare(1)), Rejection::Superseded);
    cached.accept(&bare(1));
    assert!(cached.try_get().is_some());
}

#[tokio::test(start_paused = true)]
async fn one_without_life_that_is_refused_is_replaced() {
    let source = Source::tokens(secs(0));
    let (cached, _) = cached(&source);
    let first = cached.get().await.unwrap();
    assert_eq!(refuse(&cached, &first), Rejection::Suspected);
    assert_eq!(other(&cached, &first).await.generation(), 2);
}
