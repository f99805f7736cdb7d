//! What a failure costs: gaps, what is remembered, and what ends it.
#![allow(clippy::unchecked_time_subtraction, reason = "a test may panic")]

use std::time::Duration;

use hallpass_core::{Cached, Error, Reason};
use tokio::time::Instant;

use crate::common::{
    HOUR, Hands, MINUTE, SECOND, Source, cached, flaky, millis, refused, secret, secs, settle,
    token,
};

/// A caller that waits for no second attempt.
async fn impatient(cached: &Cached) -> Result<hallpass_core::Credential, Error> {
    cached.get_within(millis(1)).await
}

/// Lets a fetch fail, and says for how long that is remembered.
async fn gap_after(cached: &Cached, source: &Source) -> Duration {
    let before = source.fetches();
    impatient(cached).await.unwrap_err();
    assert_eq!(source.fetches(), before + 1);
    // If the gap is too short to be seen, the next caller already fetches.
    match remembered(cached).await {
        Some(error) if source.fetches() == before + 1 => error.retry_after().unwrap(),
        _ => panic!("no gap"),
    }
}

/// The error that a caller gets without waiting.
async fn remembered(cached: &Cached) -> Option<Error> {
    let start = Instant::now();
    let mut get = cached.get_within(Duration::ZERO);
    let error = (&mut get).await.unwrap_err();
    (!get.waits() && start.elapsed().is_zero()).then_some(error)
}

#[tokio::test(start_paused = true)]
async fn renewals_that_fail_are_up_to_a_minute_apart() {
    let source = Source::tokens(HOUR);
    let (cached, _) = cached(&source);
    cached.get().await.unwrap();
    source.answer(|_, _| Err(flaky()));
    tokio::time::sleep(secs(3301)).await;
    for _ in 0..280 {
        cached.get().await.unwrap();
        tokio::time::sleep(SECOND).await;
    }
    let failures = cached.stats().failures;
    // Gaps of 0.25, 0.5, 1, 2, 4, 8, 15, 30, 30… s on average.
    assert!((10..=45).contains(&failures), "{failures}");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_served_within_a_second_of_the_recovery() {
    for _ in 0..20 {
        let source = Source::always(Err(flaky()));
        let (cached, _) = cached(&source);
        // An outage of 20 s, with a caller every tenth of a second.
        let start = Instant::now();
        while start.elapsed() < secs(20) {
            drop(tokio::spawn(cached.get()));
            tokio::time::sleep(millis(100)).await;
        }
        assert!(source.fetches() < 80, "{}", source.fetches());
        source.answer(|n, _| Ok(token(n, HOUR)));
        let start = Instant::now();
        cached.get().await.unwrap();
        assert!(start.elapsed() <= SECOND, "{:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_shorter_than_the_patience_fails_nobody() {
    let source = Source::always(Err(flaky()));
    let (cached, _) = cached(&source);
    let calls: Vec<_> = (0..50).map(|_| tokio::spawn(cached.get())).collect();
    tokio::time::sleep(secs(3)).await;
    source.answer(|n, _| Ok(token(n, HOUR)));
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_from_before_they_came_is_not_told_to_callers() {
    let source = Source::always(Err(flaky()));
    let (cached, _) = cached(&source);
    cached.get().await.unwrap_err();
    source.answer(|n, _| Ok(token(n, HOUR)));
    cached.get().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_three_seconds_is_waited_for() {
    let source = Source::new(|n, _| match n {
        1 => Err(flaky().after(secs(3))),
        n => Ok(token(n, HOUR)),
    });
    let (cached, _) = cached(&source);
    let start = Instant::now();
    cached.get().await.unwrap();
    let took = start.elapsed();
    assert!(took >= secs(3) && took <= millis(3300), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn during_a_gap_no_storm_reaches_the_source() {
    let source = Source::always(Err(flaky().after(secs(20))));
    let (cached, _) = cached(&source);
    cached.get().await.unwrap_err();
    for second in 0..20 {
        for _ in 0..100 {
            let error = remembered(&cached).await.expect("an error at once");
            let left = error.retry_after().unwrap();
            assert!(
                left > secs(19 - second) && left <= secs(22 - second),
                "{left:?}"
            );
            assert!(error.to_string().starts_with("asking the issuer"));
            assert!(error.is_transient());
        }
        tokio::time::sleep(SECOND).await;
    }
    assert_eq!(source.fetches(), 1);
    source.answer(|n, _| Ok(token(n, HOUR)));
    assert_eq!(secret(&cached.get().await.unwrap()), "Bearer token-2");
    assert_eq!(source.reasons(), [Reason::First, Reason::First]);
}

#[tokio::test(start_paused = true)]
async fn the_servers_own_word_wins_up_to_an_hour() {
    for (asked, gap) in [
        (millis(300), millis(300)),
        (secs(7), secs(7)),
        (secs(600), secs(600)),
        (HOUR, HOUR),
        (10 * HOUR, HOUR),
        (Duration::MAX, HOUR),
    ] {
        for error in [flaky(), refused()] {
            let source = Source::always(Err(error.after(asked)));
            let (cached, hands) = cached(&source);
            for _ in 0..3 {
                let found = gap_after(&cached, &source).await;
                assert!(found >= gap && found <= gap * 11 / 10, "{found:?}");
                hands.pass(found);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_at_once_is_not_taken_at_its_word() {
    let source = Source::always(Err(refused().after(Duration::ZERO)));
    let (first, _) = cached(&source);
    assert_eq!(gap_after(&first, &source).await, secs(30));

    let source = Source::always(Err(flaky().after(Duration::ZERO)));
    let (second, _) = cached(&source);
    for _ in 0..600 {
        impatient(&second).await.unwrap_err();
        tokio::time::sleep(millis(100)).await;
    }
    assert!(source.fetches() < 200, "{} a minute", source.fetches());
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_is_remembered_for_longer_and_longer() {
    let source = Source::always(Err(refused()));
    let (cached, hands) = cached(&source);
    for gap in [30, 60, 120, 240, 480, 600, 600, 600] {
        assert_eq!(gap_after(&cached, &source).await, secs(gap));
        hands.pass(secs(gap) - millis(1));
        let error = remembered(&cached).await.unwrap();
        assert!(error.is_permanent());
        hands.pass(millis(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_source_ends_a_permanent_failure_at_once() {
    let source = Source::always(Err(refused()));
    let (cached, _) = cached(&source);
    cached.get().await.unwrap_err();
    assert!(remembered(&cached).await.is_some());
    source.set_version(1);
    source.answer(|n, _| Ok(token(n, HOUR)));
    assert_eq!(secret(&cached.get().await.unwrap()), "Bearer token-2");
}

#[tokio::test(start_paused = true)]
async fn a_changed_source_does_not_end_a_transient_one() {
    let source = Source::always(Err(flaky().after(MINUTE)));
    let (cached, _) = cached(&source);
    cached.get().await.unwrap_err();
    source.set_version(1);
    assert!(remembered(&cached).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_changes_while_it_is_asked_is_asked_again() {
    let source = Source::always(Err(refused())).taking(secs(2));
    let (cached, _) = cached(&source);
    let first = tokio::spawn(cached.get());
    tokio::time::sleep(SECOND).await;
    // The request that is under way carries the old secret.
    source.set_version(1);
    tokio::time::sleep(millis(1500)).await;
    source.answer(|n, _| Ok(token(n, HOUR)));
    // The new one is tried at once, also for the caller who waited for the old one.
    assert_eq!(secret(&first.await.unwrap().unwrap()), "Bearer token-2");
}

#[tokio::test(start_paused = true)]
async fn a_changed_source_is_asked_again_while_the_token_lasts() {
    let source = Source::tokens(HOUR);
    let (cached, hands) = cached(&source);
    cached.get().await.unwrap();
    source.answer(|_, _| Err(refused().after(secs(600))));
    hands.pass(secs(3301));
    cached.try_get().unwrap();
    settle().await;
    assert_eq!(cached.stats().failures, 1);
    tokio::time::sleep(secs(20)).await;
    cached.try_get().unwrap();
    source.set_version(1);
    source.answer(|n, _| Ok(token(n, HOUR)));
    tokio::time::sleep(secs(2)).await;
    cached.try_get().unwrap();
    settle().await;
    assert_eq!(cached.stats().generation, Some(2));
    assert_eq!((source.fetches(), cached.stats().waits), (3, 1));
}

async fn failing_then_working(error: Error) -> (Cached, Hands, Source) {
    let source = Source::always(Err(error));
    let (cached, hands) = cached(&source);
    for _ in 0..8 {
        impatient(&cached).await.unwrap_err();
        hands.pass(HOUR);
    }
    source.answer(|n, _| Ok(token(n, HOUR)));
    cached.get().await.unwrap();
    hands.pass(HOUR);
    (cached, hands, source)
}

#[tokio::test(start_paused = true)]
async fn recovery_resets_the_gaps() {
    let (cached, _, source) = failing_then_working(refused()).await;
    source.answer(|_, _| Err(refused()));
    assert_eq!(gap_after(&cached, &source).await, secs(30));

    for _ in 0..20 {
        let (cached, _, source) = failing_then_working(flaky()).await;
        source.answer(|_, _| Err(flaky()));
        impatient(&cached).await.unwrap_err();
        if let Some(error) = remembered(&cached).await {
            assert!(error.retry_after().unwrap() <= millis(500));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_keeps_the_token_to_its_end() {
    let source = Source::tokens(secs(300));
    let (cached, _) = cached(&source);
    cached.get().await.unwrap();
    tokio::time::sleep(secs(241)).await;
    source.answer(|_, _| Err(flaky()));
    for _ in 0..580 {
        let mut get = cached.get();
        assert_eq!(secret(&(&mut get).await.unwrap()), "Bearer token-1");
        assert!(!get.waits());
        tokio::time::sleep(millis(100)).await;
    }
    let stats = cached.stats();
    assert!(
        (2..=40).contains(&stats.failures),
        "spaced out, and yet tried again: {stats:?}"
    );
    assert_eq!(stats.waits, 1);
    tokio::time::sleep(secs(2)).await;
    // 241 s + 60 s: it has ended, and the gap may be over or not.
    assert!(cached.try_get().is_none());
    impatient(&cached).await.unwrap_err();
    // An ended token is never sent, and the engine recovers by itself.
    source.answer(|n, _| Ok(token(n, secs(300))));
    tokio::time::sleep(MINUTE).await;
    assert_eq!(cached.get().await.unwrap().generation(), 2);
    assert_eq!(source.reasons().last(), Some(&Reason::Expired));
}

#[tokio::test(start_paused = true)]
async fn while_a_renewal_is_silent_the_token_serves_to_its_very_end() {
    let source = Source::tokens(secs(300));
    let (cached, _) = cached(&source);
    cached.get().await.unwrap();
    source.take(secs(25));
    tokio::time::sleep(secs(285)).await;
    cached.try_get().unwrap();
    tokio::time::sleep(secs(10)).await;
    let start = Instant::now();
    assert_eq!(secret(&cached.get().await.unwrap()), "Bearer token-1");
    tokio::time::sleep(secs(5)).await;
    assert_eq!(secret(&cached.get().await.unwrap()), "Bearer token-2");
    assert_eq!((start.elapsed(), source.fetches()), (secs(15), 2));
}

#[tokio::test(start_paused = true)]
async fn a_gap_ends_by_either_clock() {
    let source = Source::always(Err(refused()));
    let (first, hands) = cached(&source);
    first.get().await.unwrap_err();
    hands.suspend(secs(31));
    assert!(remembered(&first).await.is_none(), "after a sleep");

    let (second, hands) = cached(&source);
    second.get().await.unwrap_err();
    hands.set_wall_back(HOUR);
    hands.pass(secs(31));
    assert!(remembered(&second).await.is_none(), "by the monotonic one");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_brings_nothing_to_keep_leaves_the_token() {
    let source = Source::tokens(secs(300));
    let (cached, _) = cached(&source);
    cached.get().await.unwrap();
    source.answer(|n, _| Ok(token(n, Duration::ZERO)));
    tokio::time::sleep(secs(241)).await;
    for _ in 0..100 {
        assert_eq!(secret(&cached.get().await.unwrap()), "Bearer token-1");
        tokio::time::sleep(millis(100)).await;
    }
    assert!((10..=12).contains(&source.fetches()), "one a second");
}
