//! Runtimes that end, that nobody drives, or that are not there. These run in real time.

use std::{task::Poll, time::Duration};

use hallpass_core::{Cached, Credential, Error, Policy};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::Instant,
};
use tokio_test::task;

use crate::common::{self, Source, millis, secret, secs, with_policy};

/// Longer than any test of this file takes.
const NEVER: Duration = secs(600);

fn threaded() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Alive, but not driven outside of `block_on`.
fn passive() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    task::spawn(future).poll()
}

/// Starts a fetch on this runtime, and stops waiting for it.
fn start_on(runtime: &Runtime, cached: &Cached) {
    runtime.block_on(async { assert!(poll_once(cached.get()).is_pending()) });
}

fn hurried(deadline: Duration) -> Policy {
    let mut policy = Policy::default();
    policy.fetch_deadline = deadline;
    policy
}

fn wait_until(done: impl Fn() -> bool) {
    for _ in 0..2000 {
        if done() {
            return;
        }
        std::thread::sleep(millis(1));
    }
    panic!("it did not come to that");
}

fn waiters(runtime: &Runtime, cached: &Cached, n: u64) -> JoinSet<Result<Credential, Error>> {
    let before = cached.stats().waits;
    let mut set = JoinSet::new();
    for _ in 0..n {
        set.spawn_on(cached.get(), runtime.handle());
    }
    wait_until(|| cached.stats().waits >= before + n);
    set
}

#[test]
fn those_who_wait_elsewhere_start_anew_when_a_runtime_shuts_down() {
    let (first, second) = (threaded(), threaded());
    let source = Source::tokens(secs(300)).taking(NEVER);
    let cached = Cached::new(source.clone());
    start_on(&first, &cached);
    wait_until(|| source.fetches() == 1);
    let others = waiters(&second, &cached, 10);
    source.take(Duration::ZERO);
    first.shutdown_background();
    let outcomes = second.block_on(async {
        tokio::time::timeout(secs(5), others.join_all())
            .await
            .expect("nobody waits for long")
    });
    for outcome in outcomes {
        assert_eq!(secret(&outcome.unwrap()), "Bearer token-2");
    }
    assert_eq!((source.dropped(), source.fetches()), (1, 2));
}

#[test]
fn a_renewal_that_dies_with_its_runtime_leaves_the_token() {
    let (first, second) = (threaded(), threaded());
    let source = Source::tokens(secs(300));
    let (cached, hands) = with_policy(&source, Policy::default());
    second.block_on(cached.get()).unwrap();
    source.take(NEVER);
    hands.pass(secs(241));
    first.block_on(async { cached.try_get() }).unwrap();
    wait_until(|| source.fetches() == 2);
    drop(first);
    source.take(Duration::ZERO);
    hands.pass(secs(2));
    assert_eq!(
        secret(&second.block_on(async { cached.try_get() }).unwrap()),
        "Bearer token-1"
    );
    wait_until(|| cached.stats().generation == Some(2));
}

#[test]
fn a_handle_of_a_dead_runtime_is_an_error() {
    let dead = passive();
    let handle = dead.handle().clone();
    drop(dead);
    let cached = Cached::new(Source::tokens(secs(300)));
    let mut get = task::spawn(cached.get());
    let first = {
        let _entered = handle.enter();
        get.poll()
    };
    let living = passive();
    let outcome = match first {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => living.block_on(get),
    };
    assert!(outcome.unwrap_err().is_transient());
    living.block_on(cached.get()).unwrap();
}

#[test]
fn a_runtime_that_nobody_drives_costs_a_deadline_or_three_seconds() {
    let (stuck, second) = (passive(), threaded());
    let source = Source::tokens(secs(300));
    let (cached, _) = with_policy(&source, hurried(millis(100)));
    start_on(&stuck, &cached);
    let start = Instant::now();
    let credential = second.block_on(cached.get()).unwrap();
    let took = start.elapsed();
    assert!(took < secs(5), "{took:?}");
    assert_eq!(secret(&credential), "Bearer token-1");
    // What was left behind does no harm when it runs after all.
    source.answer(|_, _| panic!("nobody asks any more"));
    stuck.block_on(async { tokio::time::sleep(millis(5)).await });
    assert_eq!(cached.stats().generation, Some(1));
}

#[test]
fn callers_in_a_hurry_get_past_a_runtime_that_nobody_drives() {
    let (stuck, second) = (passive(), threaded());
    let source = Source::tokens(secs(300));
    let (cached, _) = with_policy(&source, hurried(millis(100)));
    start_on(&stuck, &cached);
    let start = Instant::now();
    let got = second.block_on(async {
        loop {
            // None of them waits long enough to find out that the fetch makes no progress.
            if let Ok(credential) = cached.get_within(millis(20)).await {
                break credential;
            }
            assert!(start.elapsed() < secs(2), "stuck for ever");
        }
    });
    assert_eq!(secret(&got), "Bearer token-1");
}

#[test]
fn a_renewal_that_nobody_drives_is_given_up_while_the_token_lasts() {
    let (stuck, second) = (passive(), threaded());
    let source = Source::tokens(secs(300));
    let (cached, hands) = with_policy(&source, Policy::default());
    second.block_on(cached.get()).unwrap();
    hands.pass(secs(241));
    stuck.block_on(async { cached.try_get() }).unwrap();
    assert_eq!(cached.stats().fetches, 2);
    hands.pass(secs(34));
    second.block_on(async { cached.try_get() }).unwrap();
    wait_until(|| cached.stats().generation == Some(2));
    assert_eq!(cached.stats().waits, 1);
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let source = Source::tokens(secs(300));
    let cached = Cached::new(source.clone());
    for _ in 0..3 {
        let Poll::Ready(Err(error)) = poll_once(cached.get()) else {
            panic!("an error, at once");
        };
        assert!(error.to_string().contains("runtime"), "{error}");
        let Poll::Ready(Err(error)) = poll_once(cached.get_within(secs(1))) else {
            panic!("an error, at once");
        };
        assert!(error.to_string().contains("runtime"), "{error}");
    }
    assert!(cached.keep_warm().is_err());
    assert!(cached.try_get().is_none());
    assert_eq!((source.fetches(), cached.stats().waits), (0, 0));
    // It is not remembered either.
    passive().block_on(cached.get()).unwrap();
}

#[test]
fn without_a_runtime_the_token_in_hand_is_served() {
    let source = Source::tokens(secs(300));
    let (cached, hands) = with_policy(&source, Policy::default());
    passive().block_on(cached.get()).unwrap();
    for _ in 0..2 {
        assert!(matches!(poll_once(cached.get()), Poll::Ready(Ok(_))));
        let within = poll_once(cached.get_within(secs(1)));
        assert!(matches!(within, Poll::Ready(Ok(_))));
        hands.pass(secs(241));
    }
    // The renewal that is due was tried on the runtime that was seen, which is gone.
    assert_eq!(source.fetches(), 1);
}

/// Runs a future on a plain thread that knows nothing of tokio.
fn on_a_plain_thread<F>(future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let thread = std::thread::spawn(|| futures_executor::block_on(future));
    thread.join().unwrap()
}

#[test]
fn a_plain_thread_fetches_on_the_runtime_that_was_seen() {
    let runtime = threaded();
    let source = Source::tokens(secs(300)).taking(millis(50));
    let (cached, hands) = with_policy(&source, Policy::default());
    start_on(&runtime, &cached);
    let first = on_a_plain_thread(cached.get()).unwrap();
    assert_eq!(first.generation(), 1);
    // A renewal ahead…
    hands.pass(secs(241));
    on_a_plain_thread(cached.get()).unwrap();
    wait_until(|| cached.stats().generation == Some(2));
    // …an ended one…
    hands.pass(secs(400));
    let third = on_a_plain_thread(cached.get()).unwrap();
    assert_eq!(third.generation(), 3);
    // …and a refused one.
    cached.reject(&third, &hallpass_core::Challenges::default());
    assert_eq!(on_a_plain_thread(cached.get()).unwrap().generation(), 4);
    assert_eq!(source.most_at_once(), 1);
}

#[test]
fn a_plain_thread_fetches_on_the_runtime_that_was_named() {
    let runtime = threaded();
    let cached = Cached::builder(Source::tokens(secs(300)).taking(millis(10)))
        .runtime(runtime.handle().clone())
        .build();
    on_a_plain_thread(cached.get()).unwrap();
    let late = on_a_plain_thread(Cached::new(Source::tokens(secs(300))).get());
    assert!(late.unwrap_err().to_string().contains("runtime"));
}

#[test]
fn a_named_runtime_that_nobody_drives_does_not_stop_the_caller_s_time() {
    let (named, own) = (passive(), threaded());
    let cached = Cached::builder(Source::tokens(secs(300)))
        .runtime(named.handle().clone())
        .build();
    let start = Instant::now();
    let within =
        own.block_on(async { tokio::time::timeout(secs(5), cached.get_within(millis(100))).await });
    assert!(within.unwrap().unwrap_err().is_timeout());
    assert!(start.elapsed() < secs(2));
    named.block_on(cached.get()).unwrap();
}

#[test]
fn a_plain_thread_has_a_refused_token_when_all_runtimes_are_gone() {
    let source = Source::tokens(secs(300));
    let (cached, _) = with_policy(&source, Policy::default());
    let first = passive().block_on(cached.get()).unwrap();
    cached.reject(&first, &hallpass_core::Challenges::default());
    for _ in 0..2 {
        assert_eq!(on_a_plain_thread(cached.get()).unwrap().generation(), 1);
    }
}

#[test]
fn a_runtime_for_every_call_costs_at_most_a_fetch_at_a_time() {
    let source = Source::tokens(secs(300)).taking(millis(20));
    let (cached, hands) = with_policy(&source, Policy::default());
    passive().block_on(cached.get()).unwrap();
    // In the window of a renewal, no call lasts as long as the fetch.
    hands.pass(secs(241));
    for _ in 0..60 {
        passive().block_on(cached.get()).unwrap();
        hands.pass(secs(1));
    }
    let fetches = source.fetches();
    assert!(fetches <= 10, "{fetches}");
    assert_eq!(source.most_at_once(), 1);
    assert!(cached.stats().generation >= Some(1));
}

/// Where there is no token yet, either: none of these calls lasts as long as the fetch.
#[test]
fn a_runtime_for_every_call_that_never_gets_a_token_asks_now_and_then() {
    let source = Source::tokens(secs(300)).taking(NEVER);
    let cached = Cached::new(source.clone());
    for _ in 0..40 {
        let call = async { tokio::time::timeout(millis(5), cached.get()).await };
        assert!(passive().block_on(call).is_err());
    }
    assert!(cached.stats().fetches <= 6, "{cached:?}");
    source.take(Duration::ZERO);
    passive().block_on(cached.get()).unwrap();
}

#[test]
fn a_runtime_that_is_driven_within_calls_only_fetches_once_at_a_time() {
    let runtime = passive();
    let source = Source::tokens(secs(300)).taking(millis(30));
    let (cached, hands) = with_policy(&source, Policy::default());
    runtime.block_on(cached.get()).unwrap();
    hands.pass(secs(241));
    for _ in 0..20 {
        runtime.block_on(async {
            cached.get().await.unwrap();
            tokio::time::sleep(millis(5)).await;
        });
        std::thread::sleep(millis(5));
    }
    assert_eq!(source.most_at_once(), 1);
    assert_eq!((cached.stats().generation, source.fetches()), (Some(2), 2));
}

#[test]
fn a_runtime_without_timers_is_an_error_that_says_so() {
    let bare = Builder::new_current_thread().build().unwrap();
    let cached = Cached::new(Source::tokens(secs(300)));
    let error = bare.block_on(cached.get()).unwrap_err();
    assert!(error.to_string().contains("enable_time"), "{error}");
}

/// Threads that ask, reject and accept at once, for a while.
#[test]
fn many_threads_at_once_see_one_fetch_at_a_time() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    let source = Source::new(|n, _| match n % 7 {
        3 => Err(common::flaky()),
        5 => panic!("as a source may"),
        _ => Ok(common::token(n, secs(300))),
    })
    .taking(millis(1));
    // The clock jumps here, so nobody may think that a fetch is overdue.
    let mut policy = hurried(secs(3600));
    policy.transient_gap = millis(1);
    policy.rejection_gap = millis(1);
    policy.rejection_gap_limit = millis(2);
    let (cached, hands) = with_policy(&source, policy);
    let end = Instant::now() + millis(300);
    let work = |seed: u64| {
        let (cached, hands) = (cached.clone(), hands.clone());
        async move {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut newest = 0;
            while Instant::now() < end {
                let Ok(credential) = cached.get().await else {
                    tokio::time::sleep(millis(1)).await;
                    continue;
                };
                // A predecessor may serve once more, but nothing older.
                assert!(
                    credential.generation() + 1 >= newest,
                    "generations only grow"
                );
                newest = newest.max(credential.generation());
                match random.u32(..20) {
                    0 => drop(cached.reject(&credential, &hallpass_core::Challenges::default())),
                    1 => cached.accept(&credential),
                    2 => hands.pass(secs(30)),
                    3 => drop(cached.get_within(millis(1)).await),
                    _ => tokio::task::yield_now().await,
                }
            }
        }
    };
    runtime.block_on(async {
        let all: JoinSet<()> = (0..8).map(work).collect();
        let done = tokio::time::timeout(secs(10), all.join_all()).await;
        done.expect("nobody hangs");
    });
    assert_eq!(source.most_at_once(), 1);
    assert!(source.fetches() > 1, "even on a busy machine");
    assert_eq!(source.fetches(), cached.stats().fetches);
}
