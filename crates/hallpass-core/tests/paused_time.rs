//! A clock that a test pauses late, also in a build for release.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{HOUR, Source};
use hallpass_core::Cached;

#[tokio::test]
async fn a_pause_after_the_last_fetch_is_noticed_by_whatever_reads_the_clocks() {
    let cached = Cached::new(Source::tokens(HOUR));
    cached.get().await.unwrap();
    tokio::time::pause();
    assert_eq!(cached.stats().generation, Some(1));
    tokio::time::advance(HOUR).await;
    assert!(cached.try_get().is_none());
}
