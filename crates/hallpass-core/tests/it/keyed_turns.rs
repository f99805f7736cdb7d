//! Fetches of many keys take turns, and no tenant in trouble takes another's.

use std::{sync::mpsc, thread, time::Duration};

use hallpass_core::{Cached, Keyed};
use tokio::{
    task::JoinSet,
    time::{Instant, advance, timeout},
};

use crate::common::{
    MINUTE, SECOND, flaky, millis, refused, secs, settle,
    tenants::{Issuer, Manner},
};

const AT_ONCE: usize = 8;

fn keyed(issuer: &Issuer) -> Keyed<u64> {
    let issuer = issuer.clone();
    Keyed::builder(move |tenant: &u64| Ok(issuer.client(*tenant)))
        .fetches_at_once(AT_ONCE)
        .build()
}

#[tokio::test(start_paused = true)]
async fn no_more_than_so_many_fetches_run_at_once() {
    let issuer = Issuer::taking(millis(100));
    let keyed = keyed(&issuer);
    let mut callers = JoinSet::new();
    let begun = Instant::now();
    for tenant in 0..100 {
        let cached = keyed.get(&tenant).unwrap();
        callers.spawn(async move { cached.get().await.map(|_| ()) });
    }
    settle().await;
    let stats = keyed.stats();
    assert_eq!((stats.fetching, stats.queued), (AT_ONCE, 100 - AT_ONCE));
    for outcome in callers.join_all().await {
        outcome.unwrap();
    }
    assert_eq!(issuer.most_at_once(), AT_ONCE);
    assert_eq!(issuer.all_fetches(), 100);
    // 13 turns of 100 ms, and nobody's patience was at an end.
    assert_eq!(begun.elapsed(), millis(1300));
    settle().await;
    assert_eq!((keyed.stats().fetching, keyed.stats().queued), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn each_endpoint_has_turns_of_its_own() {
    let issuer = Issuer::taking(millis(100));
    let clients = issuer.clone();
    let keyed = Keyed::builder(move |tenant: &u64| {
        let endpoint = format!("https://issuer-{}.example", tenant % 4);
        Ok(clients.client(*tenant).at(&endpoint))
    })
    .fetches_at_once(AT_ONCE)
    .build();
    let begun = Instant::now();
    keyed.warm(0..64).await.unwrap();
    assert_eq!(issuer.most_at_once(), 4 * AT_ONCE);
    assert_eq!(begun.elapsed(), millis(200));
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_delays_nobody() {
    let issuer = Issuer::taking(millis(100));
    let keyed = keyed(&issuer);
    issuer.set(0, Manner::Fails(flaky()));
    let failing = keyed.get(&0).unwrap();
    let waiting = tokio::spawn(async move { failing.get_within(MINUTE).await });
    for tenant in 1..200 {
        let begun = Instant::now();
        keyed.get(&tenant).unwrap().get().await.unwrap();
        assert_eq!(begun.elapsed(), millis(100), "{tenant}");
    }
    assert!(issuer.fetches(0) > 10);
    waiting.abort();
}

/// However many fail, and however long they take to do so.
#[tokio::test(start_paused = true)]
async fn however_many_hang_others_get_on() {
    let issuer = Issuer::taking(millis(100));
    let keyed = keyed(&issuer);
    let mut hanging = JoinSet::new();
    for tenant in 0..100 {
        issuer.set(tenant, Manner::Fails(flaky()));
        let cached = keyed.get(&tenant).unwrap();
        hanging.spawn(async move { cached.get_within(secs(600)).await.map(|_| ()) });
    }
    // Each of them has failed once; from now on they take all the time there is.
    advance(millis(1500)).await;
    tokio::time::sleep(secs(3)).await;
    for tenant in 0..100 {
        issuer.set(tenant, Manner::Hangs);
    }
    tokio::time::sleep(secs(5)).await;
    assert_eq!(issuer.running(), AT_ONCE / 2);
    let begun = Instant::now();
    for tenant in 1000..1100 {
        let one = Instant::now();
        keyed.get(&tenant).unwrap().get().await.unwrap();
        assert_eq!(one.elapsed(), millis(100), "{tenant}");
    }
    assert_eq!(begun.elapsed(), secs(10));
    hanging.abort_all();
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_the_queue_leaves_no_gap() {
    let issuer = Issuer::taking(secs(10));
    let keyed = Keyed::builder({
        let issuer = issuer.clone();
        move |tenant: &u64| Ok(issuer.client(*tenant))
    })
    .fetches_at_once(1)
    .build();
    let outcomes = [1, 2, 3].map(|tenant| {
        let cached = keyed.get(&tenant).unwrap();
        tokio::spawn(async move { cached.get().await })
    });
    settle().await;
    // A queued fetch keeps its own deadline of 30 s, and goes on without its caller.
    outcomes[1].abort();
    let [first, _, third] = outcomes;
    first.await.unwrap().unwrap();
    third.await.unwrap().unwrap();
    assert_eq!(issuer.all_fetches(), 3);
    // The fourth in a row of 10 s each comes too late, and says so.
    let late = [4, 5, 6, 7].map(|tenant| {
        let cached = keyed.get(&tenant).unwrap();
        tokio::spawn(async move { cached.get().await })
    });
    let mut timeouts = 0;
    for one in late {
        timeouts += usize::from(one.await.unwrap().is_err_and(|error| error.is_timeout()));
    }
    assert!((1..=2).contains(&timeouts), "{timeouts}");
    settle().await;
    assert_eq!((keyed.stats().fetching, keyed.stats().queued), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_list_of_keys_is_warmed_without_a_storm() {
    let issuer = Issuer::taking(millis(50));
    let keyed = keyed(&issuer);
    issuer.set(7, Manner::Fails(refused()));
    let failed = keyed.warm(0..1000).await.unwrap_err();
    let keys: Vec<u64> = failed.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, [7]);
    assert!(failed[0].1.is_permanent());
    assert_eq!(
        (issuer.all_fetches(), issuer.most_at_once()),
        (1000, AT_ONCE)
    );
    // What is there is not fetched again.
    keyed.warm(8..1000).await.unwrap();
    assert_eq!(issuer.all_fetches(), 1000);
    let begun = Instant::now();
    keyed.get(&9).unwrap().get().await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn after_a_global_revocation_each_key_is_fetched_once() {
    let issuer = Issuer::taking(millis(50));
    let keyed = keyed(&issuer);
    keyed.warm(0..100).await.unwrap();
    let mut requests = JoinSet::new();
    for n in 0..1000_u64 {
        let cached: Cached = keyed.get(&(n % 100)).unwrap();
        let refused = cached.try_get().unwrap();
        requests.spawn(async move {
            cached.reject(&refused, &hallpass_core::Challenges::default());
            cached.get().await.map(|_| ())
        });
    }
    for outcome in requests.join_all().await {
        outcome.unwrap();
    }
    assert_eq!(issuer.all_fetches(), 200);
    assert_eq!(issuer.most_at_once(), AT_ONCE);
    assert_eq!(keyed.stats().rejections, 100);
}

/// Its answer is of use to nobody in a hurry, but the endpoint is asked by no more than may ask.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_left_over_ends_when_its_place_is_needed() {
    let issuer = Issuer::taking(millis(100));
    let clients = issuer.clone();
    let keyed = Keyed::builder(move |tenant: &u64| Ok(clients.client(*tenant).hedged(*tenant < 4)))
        .fetches_at_once(AT_ONCE)
        .build();
    let call = |tenant: u64| {
        issuer.set(tenant, Manner::Hangs);
        let cached = keyed.get(&tenant).unwrap();
        tokio::spawn(async move { cached.get_within(MINUTE).await })
    };
    let healed: Vec<_> = (0..4).map(call).collect();
    tokio::time::sleep(SECOND).await;
    for tenant in 0..4 {
        issuer.set(tenant, Manner::Answers);
    }
    for call in healed {
        call.await.unwrap().unwrap();
    }
    // The first attempts hang on.
    assert_eq!(issuer.running(), 4);
    tokio::time::sleep(secs(4)).await;
    assert_eq!(issuer.running(), 4);
    let hanging: Vec<_> = (10..10 + AT_ONCE as u64).map(call).collect();
    tokio::time::sleep(secs(3)).await;
    assert_eq!(
        (issuer.running(), issuer.most_at_once()),
        (AT_ONCE, AT_ONCE)
    );
    assert_eq!(issuer.all_fetches(), 8 + AT_ONCE as u64);
    for call in hanging {
        call.abort();
    }
}

/// A runtime that stands still holds no places for ever.
#[test]
fn places_on_a_runtime_that_stands_still_go_to_others() {
    let issuer = Issuer::taking(millis(10));
    let keyed = keyed(&issuer);
    let (stop, stopped) = mpsc::channel::<()>();
    let there = keyed.clone();
    let stuck = issuer.clone();
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            for tenant in 0..AT_ONCE as u64 {
                stuck.set(tenant, Manner::Hangs);
                let cached = there.get(&tenant).unwrap();
                drop(timeout(millis(1), cached.get()).await);
            }
            // Nobody drives it any more.
            stopped.recv().unwrap_err();
        });
    });
    while issuer.running() < AT_ONCE {
        thread::sleep(millis(1));
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let cached = keyed.get(&1000).unwrap();
        let got = timeout(20 * SECOND, cached.get_within(20 * SECOND)).await;
        got.unwrap().unwrap();
    });
    drop(stop);
    thread.join().unwrap();
}
