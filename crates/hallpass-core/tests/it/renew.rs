//! Renewing at the caller's word.

use std::time::Duration;

use hallpass_core::Reason;
use tokio_test::{assert_pending, assert_ready_ok, task};

use crate::common::{HOUR, Source, cached, secret, settle};

/// Nothing says that whoever has asked for a token looks at once when it is there.
#[tokio::test(start_paused = true)]
async fn what_came_and_is_over_is_not_handed_out() {
    let source = Source::tokens(HOUR);
    let (cached, hands) = cached(&source);
    let mut renewal = task::spawn(cached.renew());
    assert_pending!(renewal.poll());
    settle().await;
    hands.pass(2 * HOUR);
    assert_pending!(renewal.poll());
    settle().await;
    let credential = assert_ready_ok!(renewal.poll());
    assert_eq!(secret(&credential), "Bearer token-2");
}

/// It is good for those who wait, as everywhere.
#[tokio::test(start_paused = true)]
async fn what_was_over_when_it_came_is() {
    let source = Source::tokens(Duration::ZERO);
    let (cached, _) = cached(&source);
    for _ in 0..3 {
        cached.renew().await.unwrap();
    }
    assert_eq!(source.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_source_is_told_whether_it_is_the_first() {
    let source = Source::tokens(HOUR);
    let (cached, _) = cached(&source);
    for _ in 0..2 {
        cached.renew().await.unwrap();
    }
    assert_eq!(source.reasons(), [Reason::First, Reason::Ahead]);
}
