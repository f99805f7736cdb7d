//! Stores in trouble, holders that stall, and entries that somebody has tampered with.

mod common;

use std::{sync::atomic::Ordering, time::Duration};

use common::{
    LIFETIME, Replica, SECOND, Trouble, common_token, fleet, get_all, identity, refuse_all,
    replica, run_for, settle,
};
use hallpass_core::{Cached, Credential, Error, Identity};
use hallpass_shared::{
    MemoryStore, Name, Shared, SharedStore, Store as _, contract,
    store::{Leased, Outcome, Published},
};
use hallpass_testkit::ScriptedSource;
use tokio::task::JoinHandle;

const TEN: usize = 10;

fn all_in(fleet: &[Replica], trouble: Trouble) {
    for replica in fleet {
        replica.way.set(trouble);
    }
}

fn name() -> Name {
    Name::of(&identity())
}

#[tokio::test(start_paused = true)]
async fn without_a_store_each_asks_once_a_lifetime_and_afterwards_one_for_all() {
    for trouble in [Trouble::Down, Trouble::Silent, Trouble::Slow(SECOND)] {
        let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
        let fleet = fleet(TEN, &store, &source);
        all_in(&fleet, trouble);
        assert!(get_all(&fleet).await.iter().all(Result::is_ok));
        assert_eq!(source.fetches(), TEN, "{trouble:?}");
        run_for(&fleet, LIFETIME).await;
        assert!(
            source.fetches() <= 2 * TEN,
            "{trouble:?}: {}",
            source.fetches()
        );
        all_in(&fleet, Trouble::None);
        run_for(&fleet, LIFETIME).await;
        let recovered = source.fetches();
        run_for(&fleet, 3 * LIFETIME).await;
        let after = source.fetches() - recovered;
        assert!(after <= 5, "{trouble:?}: {after} in three lifetimes");
        for replica in &fleet {
            assert_eq!(replica.cached.stats().waits, 1, "{trouble:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_within_a_lifetime_costs_nothing() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let fleet = fleet(TEN, &store, &source);
    common_token(&fleet).await;
    all_in(&fleet, Trouble::Silent);
    run_for(&fleet, 60 * SECOND).await;
    store.clear();
    all_in(&fleet, Trouble::None);
    run_for(&fleet, 2 * LIFETIME).await;
    assert!(source.fetches() <= 4, "{}", source.fetches());
    assert_eq!(source.max_in_flight(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_can_only_be_read_still_serves() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let first = fleet(1, &store, &source);
    common_token(&first).await;
    let late = fleet(TEN, &store, &source);
    all_in(&late, Trouble::ReadOnly);
    assert_eq!(common_token(&late).await, "token-1");
    assert_eq!(source.fetches(), 1);
    // When it ends, each asks for itself.
    run_for(&late, LIFETIME).await;
    assert_eq!(source.fetches(), 1 + TEN);
}

#[tokio::test(start_paused = true)]
async fn those_who_are_cut_off_ask_for_themselves_and_no_others_do() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let fleet = fleet(TEN, &store, &source);
    common_token(&fleet).await;
    all_in(&fleet[..3], Trouble::Silent);
    run_for(&fleet, LIFETIME).await;
    assert_eq!(source.fetches(), 1 + 3 + 1);
    all_in(&fleet, Trouble::None);
    run_for(&fleet, LIFETIME).await;
    let recovered = source.fetches();
    run_for(&fleet, 3 * LIFETIME).await;
    assert!(source.fetches() - recovered <= 5);
}

#[tokio::test(start_paused = true)]
async fn an_emptied_store_costs_two_requests_at_most() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    source.latency(SECOND);
    let fleet = fleet(TEN, &store, &source);
    let emptying = async {
        tokio::time::sleep(SECOND / 2).await;
        store.clear();
    };
    let (all, ()) = tokio::join!(get_all(&fleet), emptying);
    assert!(all.iter().all(Result::is_ok));
    assert!(source.fetches() <= 2, "{}", source.fetches());
}

/// One that has the lease and fetches for long, and can't renew it, as a process that is stopped;
/// and who waits for it.
async fn stalled_holder(
    store: &MemoryStore,
    slow: &ScriptedSource,
) -> (Replica, JoinHandle<Result<Credential, Error>>) {
    slow.latency(20 * SECOND);
    let stalled = replica(store, |shared| shared, slow.clone());
    let asking = tokio::spawn(stalled.cached.get_within(60 * SECOND));
    tokio::time::sleep(SECOND / 10).await;
    stalled.way.set(Trouble::Silent);
    (stalled, asking)
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_stands_still_never_displaces_what_came_after() {
    let (store, slow) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let (stalled, asking) = stalled_holder(&store, &slow).await;
    let quick = ScriptedSource::tokens(LIFETIME);
    let other = replica(&store, |shared| shared, quick.clone());
    let theirs = other.cached.get_within(60 * SECOND).await.unwrap();
    let published = store.take_copy(&name()).unwrap();
    stalled.way.set(Trouble::None);
    tokio::time::sleep(10 * SECOND).await;
    let own = asking.await.unwrap().unwrap();
    assert_eq!(
        store.take_copy(&name()).unwrap().generation,
        published.generation
    );
    assert!(own.same_secret(&theirs), "its caller gets the newer one");
    assert_eq!(stalled.shared.stats().superseded, 1);
    assert_eq!((slow.fetches(), quick.fetches()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_granted_anew_publishes_nothing_older_than_what_came_between() {
    let (store, slow) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let (stalled, asking) = stalled_holder(&store, &slow).await;
    let quick = ScriptedSource::tokens(LIFETIME);
    let other = replica(&store, |shared| shared, quick);
    other.cached.get_within(60 * SECOND).await.unwrap();
    // What the other one published was refused meanwhile, and whoever was to replace it failed: the
    // lease is free, and nothing that is there is of use to the one that wakes up.
    let newer = store.take_copy(&name()).unwrap();
    let mut refusing = contract::request(newer.generation);
    refusing.refused = newer.generation;
    let Ok(Leased::Granted(lease)) = store.lease(&name(), &refusing).await else {
        panic!("the lease was free");
    };
    let failed = Outcome::Failure(Duration::ZERO);
    let ended = store.publish_if_fence(&name(), lease.fence, &failed).await;
    assert_eq!(ended.unwrap(), Published::Done);
    stalled.way.set(Trouble::None);
    asking.await.unwrap().unwrap();
    assert_eq!(store.take_copy(&name()).unwrap().sealed, newer.sealed);
    assert_eq!(stalled.shared.stats().unpublished, 1);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_dies_is_succeeded_by_one() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    // Dead: it has the lease, and nothing more is heard of it.
    let mut dead = contract::request(0);
    dead.term = hallpass_shared::LEASE_TERM;
    store.lease(&name(), &dead).await.unwrap();
    let fleet = fleet(TEN, &store, &source);
    let begun = tokio::time::Instant::now();
    common_token(&fleet).await;
    assert_eq!(source.fetches(), 1);
    assert!(begun.elapsed() <= hallpass_shared::LEASE_TERM + SECOND);
}

#[tokio::test(start_paused = true)]
async fn what_was_tampered_with_is_never_used() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let (tenant, other) = (
        Identity::new("acme").part("tenant", "a"),
        Identity::new("acme").part("tenant", "b"),
    );
    let of = |identity: &Identity, source: &ScriptedSource| {
        Shared::named(
            source.clone(),
            identity.clone(),
            SharedStore::new(store.clone()),
            common::keys(),
        )
    };
    Cached::new(of(&tenant, &source)).get().await.unwrap();
    let names = [&tenant, &other].map(Name::of);
    let genuine = store.take_copy(&names[0]).unwrap();

    // Another tenant's.
    store.put(&names[1], genuine.clone());
    let theirs = ScriptedSource::tokens(LIFETIME);
    let moved = of(&other, &theirs);
    Cached::new(moved.clone()).get().await.unwrap();
    assert_eq!((moved.stats().damaged, theirs.fetches()), (1, 1));

    // Edited, or under another generation.
    let mut edited = genuine.clone();
    *edited.sealed.last_mut().unwrap() ^= 1;
    let mut renumbered = genuine.clone();
    renumbered.generation += 1;
    for (count, bad) in [edited, renumbered].into_iter().enumerate() {
        store.put(&names[0], bad);
        let reader = of(&tenant, &source);
        Cached::new(reader.clone()).get().await.unwrap();
        assert_eq!((reader.stats().damaged, source.fetches()), (1, 2 + count));
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_entry_that_is_put_back_is_never_used() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let fleet = fleet(2, &store, &source);
    common_token(&fleet).await;
    let old = store.take_copy(&name()).unwrap();
    settle(&fleet).await;
    refuse_all(&fleet);
    tokio::time::sleep(SECOND).await;
    assert_eq!(common_token(&fleet).await, "token-2");
    settle(&fleet).await;
    store.put(&name(), old);
    refuse_all(&fleet);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(common_token(&fleet).await, "token-3");
    assert_eq!(source.fetches(), 3);
    let replayed: u64 = fleet.iter().map(|one| one.shared.stats().replayed).sum();
    assert!(replayed >= 1, "{replayed}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_is_waited_for_within_its_deadline() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let fleet = fleet(TEN, &store, &source);
    all_in(&fleet, Trouble::Slow(Duration::from_millis(200)));
    common_token(&fleet).await;
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn news_that_are_none_make_no_loop() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let fleet = fleet(1, &store, &source);
    common_token(&fleet).await;
    let there = store.take_copy(&name()).unwrap().generation;
    // It was refused, and another process replaces it for four seconds.
    let mut refusing = contract::request(there);
    refusing.refused = there;
    refusing.term = 4 * SECOND;
    store.lease(&name(), &refusing).await.unwrap();
    // Somebody in this process has heard of it, and still listens.
    let listening = {
        let store = store.clone();
        tokio::spawn(async move { store.watch(&name(), there).await })
    };
    let newcomer = replica(&store, |shared| shared, source.clone());
    newcomer.cached.get_within(20 * SECOND).await.unwrap();
    let trips = newcomer.way.trips.load(Ordering::Relaxed);
    assert!(trips <= 12, "{trips} round trips in four seconds");
    listening.abort();
}
