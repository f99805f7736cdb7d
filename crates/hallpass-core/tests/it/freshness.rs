//! When a credential is renewed, when it is no longer handed out, and by which clock.
#![allow(clippy::unchecked_time_subtraction, reason = "a test may panic")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hallpass_core::{Cached, Clock, Credential, Fetch, Reason};

use crate::common::{
    HOUR, Hands, SECOND, Source, bare, cached, flaky, millis, secret, secs, settle, token,
};

/// How long before its end the first renewal of a token of this lifetime starts.
async fn renewed_with_left(lifetime: Duration) -> Duration {
    let source = Source::tokens(lifetime);
    let (cached, hands) = cached(&source);
    cached.get().await.unwrap();
    let step = lifetime / 600;
    let mut left = lifetime;
    hands.pass(lifetime * 7 / 10);
    left -= lifetime * 7 / 10;
    while cached.stats().fetches == 1 {
        hands.pass(step);
        left -= step;
        cached.try_get().unwrap();
    }
    left
}

#[tokio::test(start_paused = true)]
async fn the_window_is_a_fifth_but_no_more_than_five_minutes_and_a_bit_at_random() {
    for (lifetime, latest, earliest) in [(300, 60, 75), (3600, 300, 375), (60, 12, 15)] {
        let step = secs(lifetime) / 600;
        let mut seen = Vec::new();
        for _ in 0..200 {
            seen.push(renewed_with_left(secs(lifetime)).await);
        }
        let (least, most) = (seen.iter().min().unwrap(), seen.iter().max().unwrap());
        assert!(
            *least + step >= secs(latest) && *most <= secs(earliest),
            "{lifetime} s: {least:?} to {most:?}"
        );
        // At random, and not all in one place.
        assert!(
            *most - *least > (secs(earliest) - secs(latest)) / 2,
            "{least:?} to {most:?}"
        );
    }
}

/// The server hands the same token out until its last moments: a renewal is due in the last second
/// as well, before anybody has to wait for it.
#[tokio::test(start_paused = true)]
async fn nobody_waits_in_the_last_second_either() {
    let source = Source::new(|n, _| {
        let (name, left) = [(1, 10), (1, 2), (1, 1), (2, 10)][n as usize - 1];
        Ok(token(name, secs(left)))
    });
    let (cached, hands) = cached(&source);
    cached.get().await.unwrap();
    for (fetches, pass) in [(2, 8100), (3, 1010), (4, 750)] {
        hands.pass(millis(pass));
        cached.get().await.unwrap();
        settle().await;
        assert_eq!(source.fetches(), fetches);
    }
    hands.pass(millis(200));
    assert_eq!(secret(&cached.get().await.unwrap()), "Bearer token-2");
    assert_eq!(cached.stats().waits, 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_not_handed_out_in_its_last_moments() {
    for (lifetime, margin) in [(3600, 10_000), (300, 10_000), (60, 3_000), (1, 50)] {
        let source = Source::tokens(secs(lifetime));
        let (cached, hands) = cached(&source);
        cached.get().await.unwrap();
        assert_eq!(
            cached.stats().time_left,
            Some(secs(lifetime) - millis(margin)),
            "{lifetime} s"
        );
        source.answer(|_, _| Err(flaky()));
        hands.pass(secs(lifetime) - millis(margin + 1));
        assert!(cached.try_get().is_some(), "{lifetime} s");
        hands.pass(millis(1));
        assert!(cached.try_get().is_none(), "{lifetime} s");
        // Unless nothing else can be had: then it serves to its very end.
        assert_eq!(secret(&cached.get().await.unwrap()), "Bearer token-1");
        hands.pass(millis(margin));
        assert!(cached.get().await.is_err(), "{lifetime} s");
    }
}

#[tokio::test(start_paused = true)]
async fn for_an_hour_no_request_waits() {
    let source = Source::tokens(secs(300)).taking(millis(200));
    let (cached, _) = cached(&source);
    for _ in 0..3600 {
        cached.get().await.unwrap();
        tokio::time::sleep(SECOND).await;
    }
    let stats = cached.stats();
    assert!((14..=16).contains(&stats.fetches), "{stats:?}");
    assert_eq!((stats.waits, stats.failures), (1, 0));
    assert!(
        source.reasons()[1..]
            .iter()
            .all(|why| *why == Reason::Ahead)
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_one_costs_nothing_and_is_fetched_on_use() {
    let source = Source::tokens(secs(300));
    let (cached, _) = cached(&source);
    cached.get().await.unwrap();
    tokio::time::sleep(10 * HOUR).await;
    assert_eq!(source.fetches(), 1);
    assert!(cached.try_get().is_none());
    assert_eq!(secret(&cached.get().await.unwrap()), "Bearer token-2");
    assert_eq!(source.reasons(), [Reason::First, Reason::Expired]);
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_counts_from_when_the_request_was_sent() {
    let source = Source::tokens(secs(100)).taking(secs(20));
    let (patient, _) = cached(&source);
    patient.get().await.unwrap();
    assert_eq!(patient.stats().time_left, Some(secs(75)));
    source.answer(|_, why: &Fetch| {
        why.sending()?;
        Ok(token(1, secs(100)))
    });
    let (second_try, _) = cached(&source);
    second_try.get().await.unwrap();
    assert_eq!(second_try.stats().time_left, Some(secs(95)));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_took_its_whole_life_to_come_is_used_once() {
    let source = Source::tokens(secs(5)).taking(secs(6));
    let (cached, _) = cached(&source);
    let (a, b) = tokio::join!(cached.get(), cached.get());
    assert_eq!(a.unwrap().generation(), b.unwrap().generation());
    tokio::time::sleep(SECOND).await;
    assert!(cached.try_get().is_none(), "it served on for a second");
    assert_eq!(cached.get().await.unwrap().generation(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_does_not_serve_what_ended_meanwhile() {
    let source = Source::tokens(secs(300));
    let (cached, hands) = cached(&source);
    cached.get().await.unwrap();
    hands.suspend(HOUR);
    assert!(cached.try_get().is_none());
    assert_eq!(secret(&cached.get().await.unwrap()), "Bearer token-2");
    assert!(cached.try_get().is_some());
    // A short sleep counts towards the window.
    hands.suspend(secs(241));
    assert!(cached.try_get().is_some());
    settle().await;
    assert_eq!(source.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_set_back_gives_no_more_life() {
    let source = Source::new(|n, _| {
        let end = UNIX_EPOCH + secs(1_800_000_000 + 300);
        Ok(bare(n).expires_at(end))
    });
    let (cached, hands) = cached(&source);
    cached.get().await.unwrap();
    hands.set_wall_back(HOUR);
    hands.pass(secs(289));
    assert!(cached.try_get().is_some());
    hands.pass(SECOND);
    assert!(cached.try_get().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_set_back_does_not_stop_the_renewal() {
    let source = Source::tokens(secs(300));
    let (cached, hands) = cached(&source);
    cached.get().await.unwrap();
    hands.set_wall_back(HOUR);
    hands.pass(secs(241));
    cached.try_get().unwrap();
    settle().await;
    assert_eq!(secret(&cached.try_get().unwrap()), "Bearer token-2");
}

async fn life_of(credential: Credential) -> (Cached, Hands, Source) {
    let source = Source::always(Ok(credential));
    let (cached, hands) = cached(&source);
    cached.get().await.unwrap();
    (cached, hands, source)
}

#[tokio::test(start_paused = true)]
async fn lifetimes_that_are_missing_huge_or_absurd() {
    let year = 365 * 24 * HOUR;
    let far = SystemTime::UNIX_EPOCH + secs(1 << 40);
    for (credential, left) in [
        (bare(1), secs(290)),
        (token(1, secs(u64::MAX)), year - secs(10)),
        (token(1, Duration::MAX), year - secs(10)),
        (bare(1).expires_at(far), year - secs(10)),
        // The earlier end holds, whichever was said first.
        (token(1, HOUR).expires_at(far), HOUR - secs(10)),
        (bare(1).expires_at(far).lives_for(HOUR), HOUR - secs(10)),
        (bare(1).never_expires().lives_for(HOUR), HOUR - secs(10)),
        (
            token(1, Duration::MAX).renew_in(Duration::MAX),
            year - secs(10),
        ),
    ] {
        let said = format!("{credential:?}");
        let (cached, _, source) = life_of(credential).await;
        assert_eq!(cached.stats().time_left, Some(left), "{said}");
        for _ in 0..3 {
            cached.get().await.unwrap();
        }
        assert_eq!(source.fetches(), 1, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_no_life_serves_those_who_wait_and_a_second_longer() {
    let long_ago = SystemTime::UNIX_EPOCH.checked_sub(secs(1 << 40)).unwrap();
    for credential in [
        token(1, Duration::ZERO),
        bare(1).expires_at(UNIX_EPOCH),
        bare(1).expires_at(long_ago),
        token(1, HOUR).expires_at(long_ago),
    ] {
        let said = format!("{credential:?}");
        let source = Source::always(Ok(credential)).taking(SECOND);
        let (cached, _) = cached(&source);
        let (a, b) = tokio::join!(cached.get(), cached.get());
        assert_eq!(secret(&a.unwrap()), secret(&b.unwrap()), "{said}");
        for _ in 0..100 {
            cached.get().await.unwrap();
            tokio::time::sleep(millis(9)).await;
        }
        assert_eq!(source.fetches(), 1, "{said}: one a second at most");
        tokio::time::sleep(millis(100)).await;
        cached.get().await.unwrap();
        assert_eq!(source.fetches(), 2, "{said}");
        assert_eq!(source.reasons(), [Reason::First, Reason::Expired], "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_says_so_lasts_for_ever() {
    let (cached, hands, source) = life_of(bare(1).never_expires()).await;
    hands.pass(1000 * 365 * 24 * HOUR);
    assert!(cached.try_get().is_some());
    settle().await;
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_the_server_wins_and_is_spread_by_a_tenth() {
    for (lifetime, hint) in [(HOUR, secs(100)), (HOUR, secs(3400)), (secs(300), secs(30))] {
        let source = Source::new(move |n, _| Ok(token(n, lifetime).renew_in(hint)));
        let (cached, hands) = cached(&source);
        cached.get().await.unwrap();
        hands.pass(hint * 9 / 10 - millis(1));
        cached.try_get().unwrap();
        assert_eq!(cached.stats().fetches, 1, "not before {hint:?}");
        hands.pass(hint / 10 + millis(1));
        cached.try_get().unwrap();
        assert_eq!(cached.stats().fetches, 2, "at {hint:?}");
        assert_eq!(cached.stats().waits, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_nothing_does_not_spin() {
    let source = Source::new(|n, _| Ok(token(n, HOUR).renew_in(Duration::ZERO)));
    let (cached, _) = cached(&source);
    for _ in 0..100 {
        cached.get().await.unwrap();
        tokio::time::sleep(SECOND).await;
    }
    assert_eq!(source.fetches(), 1);
}

/// Hands out the same token until its very end, as some servers do.
fn sticky(lifetime: Duration, hands: Hands) -> Source {
    let born = hands.now().monotonic;
    Source::new(move |_, _| {
        let age = hands.now().monotonic - born;
        let number = age.as_nanos() / lifetime.as_nanos();
        let left = lifetime - (age - lifetime * number as u32);
        Ok(token(number as u64, left))
    })
}

#[tokio::test(start_paused = true)]
async fn a_server_that_repeats_itself_is_asked_ever_less_often() {
    for (lifetime, most) in [(secs(300), 10), (HOUR, 12)] {
        let hands = Hands::new();
        let source = sticky(lifetime, hands.clone());
        let cached = Cached::builder(source.clone()).clock(hands).build();
        let mut last = 0;
        let until = lifetime.as_secs() * 2 - 20;
        for second in 0..until * 2 {
            cached.get().await.unwrap();
            settle().await;
            let now = source.fetches();
            assert!(now - last <= 1, "{second}: more than one a half second");
            last = now;
            tokio::time::sleep(millis(500)).await;
        }
        let fetches = source.fetches();
        assert!(fetches <= 2 * most, "{lifetime:?}: {fetches} in two lives");
        assert!(cached.stats().waits <= 3, "{:?}", cached.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_token_keeps_its_generation_and_at_least_a_second_passes() {
    let source = Source::new(|_, _| Ok(token(1, secs(2))));
    let (cached, _) = cached(&source);
    for _ in 0..600 {
        assert_eq!(cached.get().await.unwrap().generation(), 1);
        tokio::time::sleep(millis(100)).await;
    }
    assert!(source.fetches() <= 61, "{} a minute", source.fetches());
}
