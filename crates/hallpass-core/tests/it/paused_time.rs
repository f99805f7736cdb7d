//! A clock that a test pauses late is followed at once, also in a build for release.

use hallpass_core::{Cached, Clock as _, SystemClock};

use crate::common::{HOUR, Source};

#[tokio::test]
async fn a_pause_after_the_last_fetch_is_followed_by_the_next_request() {
    let cached = Cached::new(Source::tokens(HOUR));
    cached.get().await.unwrap();
    tokio::time::pause();
    tokio::time::advance(HOUR).await;
    assert!(cached.try_get().is_none());
    assert_eq!(cached.get().await.unwrap().generation(), 2);
}

#[tokio::test]
async fn a_pause_after_a_clock_was_made_is_followed_by_the_first_look() {
    let clock = SystemClock::new();
    tokio::time::pause();
    let before = clock.just_now();
    tokio::time::advance(HOUR).await;
    assert_eq!(clock.just_now().monotonic, before.plus(HOUR).monotonic);
}
