//! `keep_warm`: renewal without callers, until the guard or the last clone goes.

use hallpass_core::Reason;

use crate::common::{
    self, HOUR, MINUTE, SECOND, Source, cached, flaky, refused, secs, settle, token,
};

#[tokio::test(start_paused = true)]
async fn it_fetches_at_once_and_renews_without_callers() {
    let source = Source::tokens(secs(300)).taking(SECOND);
    let (cached, _) = cached(&source);
    let warm = cached.keep_warm().unwrap();
    tokio::time::sleep(secs(2)).await;
    assert_eq!(source.fetches(), 1);
    for _ in 0..3600 {
        assert!(cached.try_get().is_some(), "not even the first one waits");
        tokio::time::sleep(secs(10)).await;
    }
    let a_tenth = 36_000 / 232;
    let fetches = source.fetches();
    assert!((a_tenth - 8..a_tenth + 8).contains(&fetches), "{fetches}");
    assert_eq!(cached.stats().waits, 1);
    assert!(
        source.reasons()[1..]
            .iter()
            .all(|why| *why == Reason::Ahead)
    );
    drop(warm);
}

#[tokio::test(start_paused = true)]
async fn nobody_needs_to_ask() {
    let source = Source::tokens(secs(300));
    let (cached, _) = cached(&source);
    let _warm = cached.keep_warm().unwrap();
    tokio::time::sleep(HOUR).await;
    assert_eq!(source.fetches(), 16);
    assert!(cached.try_get().is_some());
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_its_guard() {
    let source = Source::tokens(secs(300));
    let (cached, _) = cached(&source);
    let warm = cached.keep_warm().unwrap();
    tokio::time::sleep(secs(10)).await;
    drop(warm);
    tokio::time::sleep(HOUR).await;
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_last_clone() {
    let source = Source::tokens(secs(300));
    let (first, _) = cached(&source);
    let second = first.clone();
    let warm = first.keep_warm().unwrap();
    drop(first);
    tokio::time::sleep(secs(600)).await;
    assert_eq!(source.fetches(), 3);
    drop(second);
    tokio::time::sleep(HOUR).await;
    assert_eq!(source.fetches(), 3);
    drop(warm);
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_after_failures_and_keeps_their_gaps() {
    let source = Source::always(Err(refused()));
    let (cached, _) = cached(&source);
    let _warm = cached.keep_warm().unwrap();
    tokio::time::sleep(secs(29)).await;
    assert_eq!(source.fetches(), 1);
    tokio::time::sleep(secs(3)).await;
    assert_eq!(source.fetches(), 2);
    source.answer(|_, _| panic!("as a source may"));
    tokio::time::sleep(2 * MINUTE).await;
    source.answer(|n, _| Ok(token(n, secs(300))));
    tokio::time::sleep(secs(2)).await;
    assert!(cached.try_get().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_failing_renewal_is_tried_again_before_the_end() {
    let source = Source::tokens(HOUR);
    let (cached, _) = cached(&source);
    let _warm = cached.keep_warm().unwrap();
    tokio::time::sleep(secs(3200)).await;
    source.answer(|_, _| Err(flaky()));
    tokio::time::sleep(secs(110)).await;
    assert!(cached.stats().failures >= 2);
    source.answer(|n, _| Ok(token(n, HOUR)));
    tokio::time::sleep(secs(65)).await;
    assert_eq!(cached.stats().generation, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_credential_for_ever_needs_no_work() {
    let source = Source::always(Ok(common::bare(1).never_expires()));
    let (cached, _) = cached(&source);
    let _warm = cached.keep_warm().unwrap();
    settle().await;
    tokio::time::sleep(10 * 24 * HOUR).await;
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_changed_secret_that_is_refused_is_asked_about_ever_more_rarely() {
    let source = Source::tokens(24 * HOUR);
    let (cached, _) = cached(&source);
    let _warm = cached.keep_warm().unwrap();
    tokio::time::sleep(secs(10)).await;
    source.answer(|_, _| Err(refused()));
    source.set_version(1);
    tokio::time::sleep(HOUR).await;
    let fetches = source.fetches();
    assert!((8..=14).contains(&fetches), "{fetches}");
    assert!(cached.try_get().is_some());
}
