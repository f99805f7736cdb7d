//! What happens to a credential that is kept warm, and that its task outlives.

use std::{
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::Duration,
};

use hallpass_core::{Cached, Challenges, Credential, CredentialSource, Error, Fetch};
use tokio::runtime::Builder;

use crate::common::{HOUR, Hands, MINUTE, SECOND, Source, cached, flaky, secs, settle, token};

/// The longest time between two looks.
const LOOK: Duration = secs(31);

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_and_a_clock_that_was_set_are_noticed() {
    let source = Source::tokens(HOUR);
    let (cached, hands) = cached(&source);
    let _warm = cached.keep_warm().unwrap();
    for fetches in 1..4 {
        tokio::time::sleep(LOOK).await;
        assert_eq!(source.fetches(), fetches);
        assert_eq!(cached.try_get().unwrap().generation(), fetches);
        hands.suspend(2 * HOUR);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_one_is_replaced_as_soon_as_the_issuer_is_back() {
    let source = Source::tokens(HOUR);
    let (cached, _) = cached(&source);
    let _warm = cached.keep_warm().unwrap();
    settle().await;
    let first = cached.try_get().unwrap();
    source.answer(|_, _| Err(flaky()));
    cached.reject(&first, &Challenges::default());
    tokio::time::sleep(MINUTE).await;
    assert_eq!(cached.stats().generation, Some(1));
    source.answer(|n, _| Ok(token(n, HOUR)));
    // One look for the failure to be over, one for the replacement.
    tokio::time::sleep(2 * LOOK).await;
    assert_eq!(cached.stats().generation, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_changed_secret_brings_another_one() {
    let source = Source::tokens(24 * HOUR);
    let (cached, _) = cached(&source);
    let _warm = cached.keep_warm().unwrap();
    settle().await;
    source.set_version(1);
    tokio::time::sleep(LOOK).await;
    assert_eq!(cached.stats().generation, Some(2));
    tokio::time::sleep(HOUR).await;
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_kept_warm_costs_a_fetch_a_minute() {
    let source = Source::tokens(Duration::ZERO);
    let (cached, _) = cached(&source);
    let _warm = cached.keep_warm().unwrap();
    tokio::time::sleep(HOUR).await;
    assert!(source.fetches() <= 61, "{}", source.fetches());
}

/// Panics whenever it is asked for its version, but for the first time.
struct Brittle(Source, AtomicU64);

impl CredentialSource for Brittle {
    fn fetch(&self, why: &Fetch) -> impl Future<Output = Result<Credential, Error>> + Send {
        self.0.fetch(why)
    }

    fn version(&self) -> u64 {
        assert!(self.1.fetch_add(1, SeqCst) % 4 != 3, "as a source may");
        0
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_does_not_end_it() {
    let source = Source::tokens(secs(300));
    let brittle = Brittle(source.clone(), AtomicU64::new(0));
    let hands = Hands::new();
    let cached = Cached::builder(brittle).clock(hands).build();
    let _warm = cached.keep_warm().unwrap();
    tokio::time::sleep(HOUR).await;
    assert!(source.fetches() >= 12, "{}", source.fetches());
}

#[test]
fn the_next_caller_s_runtime_takes_it_over() {
    let paused = || {
        let mut builder = Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    };
    let source = Source::tokens(secs(300));
    let first = paused();
    let (cached, warm) = first.block_on(async {
        let cached = Cached::builder(source.clone()).clock(Hands::new()).build();
        let warm = cached.keep_warm().unwrap();
        tokio::time::sleep(SECOND).await;
        (cached, warm)
    });
    drop(first);
    assert_eq!(source.fetches(), 1);
    paused().block_on(async {
        tokio::time::sleep(secs(600)).await;
        assert_eq!(source.fetches(), 1, "nobody has called");
        cached.get().await.unwrap();
        let before = source.fetches();
        tokio::time::sleep(HOUR).await;
        assert!(source.fetches() >= before + 12, "{}", source.fetches());
    });
    drop(warm);
}
