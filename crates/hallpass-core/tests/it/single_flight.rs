//! One fetch at a time, whoever asks, whoever goes away, and whatever becomes of it.

use hallpass_core::{Cached, Challenges, Credential, Error, Policy, Reason};
use tokio::{task::JoinSet, time::Instant};
use tokio_test::{assert_pending, task};

use crate::common::{
    SECOND, Source, cached, flaky, millis, secret, secs, settle, token, with_policy,
};

fn crowd(cached: &Cached, size: usize) -> JoinSet<Result<Credential, Error>> {
    (0..size)
        .map(|_| {
            let cached = cached.clone();
            async move { cached.get().await }
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_cold_callers_cost_one_fetch() {
    let source = Source::tokens(secs(300)).taking(SECOND);
    let (cached, _) = cached(&source);
    for outcome in crowd(&cached, 100).join_all().await {
        assert_eq!(secret(&outcome.unwrap()), "Bearer token-1");
    }
    assert_eq!(source.fetches(), 1);
    assert_eq!(source.reasons(), [Reason::First]);
    let stats = cached.stats();
    assert_eq!((stats.fetches, stats.failures, stats.waits), (1, 0, 100));
    assert_eq!(stats.generation, Some(1));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_fetched_before_the_first_use() {
    let source = Source::tokens(secs(300));
    let (cached, _) = cached(&source);
    tokio::time::sleep(secs(3600)).await;
    assert!(cached.try_get().is_none());
    assert_eq!(source.fetches(), 0);
}

/// Whoever makes the future may poll it much later, or never.
#[tokio::test(start_paused = true)]
async fn nothing_is_decided_before_the_first_poll() {
    let source = Source::tokens(secs(300));
    let (cached, hands) = cached(&source);
    let first = cached.get().await.unwrap();
    let (early, within) = (cached.get(), cached.get_within(SECOND));
    hands.pass(secs(245));
    drop((cached.get(), cached.renew()));
    settle().await;
    assert_eq!(
        source.fetches(),
        1,
        "a renewal is due, and nobody has polled"
    );
    hands.pass(secs(600));
    for late in [early, within] {
        assert_ne!(secret(&late.await.unwrap()), secret(&first));
    }
}

#[tokio::test(start_paused = true)]
async fn the_caller_that_started_it_may_go_away() {
    let source = Source::tokens(secs(300)).taking(secs(5));
    let (cached, _) = cached(&source);
    let leader = tokio::spawn(cached.get());
    settle().await;
    let others = crowd(&cached, 10);
    tokio::time::sleep(SECOND).await;
    leader.abort();
    for outcome in others.join_all().await {
        outcome.unwrap();
    }
    assert_eq!((source.fetches(), source.dropped()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_goes_on_when_all_its_callers_are_gone() {
    let source = Source::tokens(secs(300)).taking(secs(5));
    let (cached, _) = cached(&source);
    assert!(cached.get_within(SECOND).await.is_err());
    tokio::time::sleep(secs(5)).await;
    assert_eq!(secret(&cached.try_get().unwrap()), "Bearer token-1");
    assert_eq!((source.fetches(), source.dropped()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_share_a_failure() {
    let source = Source::always(Err(flaky().after(secs(20)))).taking(SECOND);
    let (cached, _) = cached(&source);
    for outcome in crowd(&cached, 100).join_all().await {
        let error = outcome.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("asking the issuer; next attempt in")
        );
        assert!(error.is_transient());
    }
    assert_eq!((source.fetches(), cached.stats().failures), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_has_a_deadline_of_its_own() {
    let source = Source::tokens(secs(300)).taking(secs(5));
    let (cached, _) = cached(&source);
    let patient = tokio::spawn(cached.get());
    let start = Instant::now();
    let error = cached.get_within(SECOND).await.unwrap_err();
    assert!(error.is_timeout() && error.is_transient());
    assert_eq!(start.elapsed(), SECOND);
    patient.await.unwrap().unwrap();
    assert_eq!(start.elapsed(), secs(5));
    assert_eq!(source.fetches(), 1);
    let again = cached.get_within(secs(0)).await.unwrap();
    assert_eq!(secret(&again), "Bearer token-1");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_ends_after_half_a_minute_and_is_dropped() {
    let source = Source::tokens(secs(300)).taking(secs(3600));
    let (cached, _) = cached(&source);
    let start = Instant::now();
    for outcome in crowd(&cached, 3).join_all().await {
        let error = outcome.unwrap_err();
        assert!(error.is_timeout(), "{error}");
    }
    assert_eq!(start.elapsed(), secs(30));
    assert_eq!((source.fetches(), source.dropped()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_without_a_deadline_is_possible() {
    let source = Source::tokens(secs(7200)).taking(secs(3600));
    let mut policy = Policy::default();
    policy.fetch_deadline = std::time::Duration::MAX;
    let (cached, _) = with_policy(&source, policy);
    cached.get().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_error_for_those_who_wait_and_for_nobody_else() {
    let source = Source::new(|n, _| {
        assert!(n > 1, "as a source may");
        Ok(token(n, secs(300)))
    })
    .taking(SECOND);
    let (cached, _) = cached(&source);
    let error = cached.get_within(SECOND + millis(1)).await.unwrap_err();
    assert!(error.is_transient() && !error.is_timeout());
    assert!(error.to_string().contains("panicked"), "{error}");
    for outcome in crowd(&cached, 10).join_all().await {
        assert_eq!(secret(&outcome.unwrap()), "Bearer token-2");
    }
    assert_eq!(cached.stats().failures, 1);
}

/// It is a failure like any other: not every call is one more.
#[tokio::test(start_paused = true)]
async fn a_source_that_always_panics_is_not_asked_by_every_call() {
    let source = Source::new(|_, _| panic!("as a source may"));
    let (cached, _) = cached(&source);
    for _ in 0..200 {
        cached.get_within(millis(10)).await.unwrap_err();
    }
    assert!(source.fetches() <= 25, "{}", source.fetches());
}

/// Panics outside of its future, and in whatever else the engine asks it.
struct Brittle;

impl hallpass_core::CredentialSource for Brittle {
    fn fetch(
        &self,
        _: &hallpass_core::Fetch,
    ) -> impl Future<Output = Result<Credential, Error>> + Send {
        assert!(tokio::runtime::Handle::try_current().is_err(), "at once");
        async { Err(flaky()) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_before_the_future_is_one_too() {
    let cached = Cached::new(Brittle);
    for _ in 0..3 {
        let error = cached.get_within(SECOND).await.unwrap_err();
        assert!(error.to_string().contains("panicked"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_renewal_leaves_the_token_and_is_not_repeated_at_once() {
    let source = Source::tokens(secs(300));
    let (cached, _) = cached(&source);
    cached.get().await.unwrap();
    source.answer(|_, _| panic!("as a source may"));
    tokio::time::sleep(secs(241)).await;
    for _ in 0..100 {
        assert_eq!(secret(&cached.try_get().unwrap()), "Bearer token-1");
        tokio::time::sleep(millis(100)).await;
    }
    let renewals = source.fetches() - 1;
    assert!((2..=11).contains(&renewals), "{renewals} in ten seconds");
}

#[tokio::test(start_paused = true)]
async fn clones_share_it_all() {
    let source = Source::tokens(secs(300));
    let (cached, _) = cached(&source);
    let other = cached.clone();
    cached.get().await.unwrap();
    assert!(other.try_get().is_some());
    assert_eq!(cached.stats(), other.stats());
}

#[tokio::test(start_paused = true)]
async fn callers_of_a_fetch_in_the_background_do_not_wait_for_it() {
    let source = Source::tokens(secs(300));
    let (cached, _) = cached(&source);
    cached.get().await.unwrap();
    source.take(secs(20));
    tokio::time::sleep(secs(241)).await;
    for _ in 0..15 {
        let mut get = cached.get();
        assert_eq!(secret(&(&mut get).await.unwrap()), "Bearer token-1");
        assert!(!get.waits());
        tokio::time::sleep(SECOND).await;
    }
    assert_eq!((source.fetches(), cached.stats().waits), (2, 1));
    tokio::time::sleep(secs(6)).await;
    assert_eq!(secret(&cached.try_get().unwrap()), "Bearer token-2");
}

/// Ten thousand late refusals would else wake ten thousand callers ten thousand times.
#[tokio::test(start_paused = true)]
async fn whoever_waits_is_woken_by_what_concerns_them_alone() {
    let source = Source::tokens(secs(300));
    let (cached, _) = cached(&source);
    let first = cached.get().await.unwrap();
    source.take(secs(60));
    cached.reject(&first, &Challenges::default());
    settle().await;
    let mut get = task::spawn(cached.get());
    assert_pending!(get.poll());
    for _ in 0..100 {
        cached.reject(&first, &Challenges::default());
        cached.accept_generation(99);
        settle().await;
    }
    assert!(!get.is_woken());
    cached.accept(&first);
    settle().await;
    assert!(get.is_woken(), "the suspect serves again");
    assert_eq!(get.await.unwrap().generation(), 1);
}

/// Where tasks wait for seconds until it is their turn, a fetch is late like everybody, not dead.
#[tokio::test(start_paused = true)]
async fn a_fetch_on_a_busy_runtime_is_not_given_up() {
    let source = Source::tokens(secs(300)).taking(secs(20));
    let (cached, _) = cached(&source);
    let callers = crowd(&cached, 10);
    let task = || async {
        loop {
            tokio::time::advance(millis(60)).await;
        }
    };
    let _busy: JoinSet<()> = (0..50).map(|_| task()).collect();
    for outcome in callers.join_all().await {
        outcome.unwrap();
    }
    assert_eq!(source.fetches(), 1);
}
