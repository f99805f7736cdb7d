//! How many credentials a `Keyed` keeps, which of them go, and what is remembered of those.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use hallpass_core::{Cached, Credential, Error, Keyed};
use tokio::time::advance;

use crate::common::{
    self, MINUTE, SECOND, flaky, refused, secs, settle,
    tenants::{Issuer, Manner},
};

const LIMIT: usize = 64;

fn keyed(issuer: &Issuer) -> Keyed<u64> {
    let issuer = issuer.clone();
    Keyed::builder(move |tenant: &u64| Ok(issuer.client(*tenant)))
        .limit(LIMIT)
        .build()
}

async fn fetch(keyed: &Keyed<u64>, tenant: u64) -> Result<Credential, Error> {
    let credential = keyed.get(&tenant)?.get().await;
    // The fetch's task lets go of it after its outcome is known.
    settle().await;
    credential
}

/// Many others that are in use for a while, so that whoever is idle has to go.
async fn crowd(keyed: &Keyed<u64>, from: u64) {
    for tenant in from..from + 4 * LIMIT as u64 {
        fetch(keyed, tenant).await.unwrap();
        for lately in from.max(tenant.saturating_sub(3))..=tenant {
            fetch(keyed, lately).await.unwrap();
        }
        assert!(keyed.len() <= LIMIT);
    }
}

#[tokio::test(start_paused = true)]
async fn idle_ones_go_and_those_in_constant_use_stay() {
    let issuer = Issuer::default();
    let keyed = keyed(&issuer);
    fetch(&keyed, 0).await.unwrap();
    let regulars = 10_000..10_010;
    for tenant in 1..1000_u64 {
        for regular in regulars.clone() {
            fetch(&keyed, regular).await.unwrap();
        }
        // Used for a while, and never again.
        for lately in tenant.saturating_sub(2).max(1)..=tenant {
            fetch(&keyed, lately).await.unwrap();
        }
        assert!(keyed.len() <= LIMIT);
    }
    for regular in regulars {
        assert_eq!(issuer.fetches(regular), 1, "{regular}");
    }
    let stats = keyed.stats();
    assert_eq!(stats.made, 1010);
    assert_eq!(stats.evicted, 1010 - keyed.len() as u64);
    assert_eq!(stats.fetches, 1010);
    // The oldest idle one has to be fetched again.
    fetch(&keyed, 0).await.unwrap();
    assert_eq!(issuer.fetches(0), 2);
}

#[tokio::test(start_paused = true)]
async fn one_in_flight_or_in_use_never_goes() {
    let issuer = Issuer::default();
    let keyed = keyed(&issuer);
    issuer.set(1, Manner::Hangs);
    // Its caller leaves; the fetch goes on.
    let left = keyed.get(&1).unwrap();
    let waiting = tokio::spawn(async move { left.get().await });
    settle().await;
    waiting.abort();
    settle().await;
    let held = keyed.get(&2).unwrap();
    held.get().await.unwrap();
    crowd(&keyed, 100).await;
    assert_eq!(issuer.running(), 1);
    assert_eq!(keyed.stats_of(&1).unwrap().fetches, 1);
    let again = keyed.get(&2).unwrap().get().await.unwrap();
    assert_eq!((again.generation(), issuer.fetches(2)), (1, 1));
    drop(held);
    advance(MINUTE).await;
    settle().await;
    assert_eq!(issuer.running(), 0);
    crowd(&keyed, 1000).await;
    assert!(keyed.stats_of(&1).is_none() && keyed.stats_of(&2).is_none());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_kept_warm_or_keeps_state_never_goes() {
    let issuer = Issuer::default();
    let (clients, states) = (issuer.clone(), Arc::new(Mutex::new(HashMap::new())));
    let kept: Arc<Mutex<HashMap<u64, Arc<AtomicBool>>>> = states.clone();
    let keyed = Keyed::builder(move |tenant: &u64| {
        let client = clients.client(*tenant);
        kept.lock().unwrap().insert(*tenant, client.keeps.clone());
        Ok(client)
    })
    .limit(LIMIT)
    .build();
    fetch(&keyed, 1).await.unwrap();
    fetch(&keyed, 2).await.unwrap();
    let warm = keyed.get(&1).unwrap().keep_warm().unwrap();
    let state = states.lock().unwrap()[&2].clone();
    state.store(true, SeqCst);
    crowd(&keyed, 100).await;
    assert!(keyed.stats_of(&1).is_some() && keyed.stats_of(&2).is_some());
    drop(warm);
    state.store(false, SeqCst);
    crowd(&keyed, 1000).await;
    assert!(keyed.stats_of(&1).is_none() && keyed.stats_of(&2).is_none());
}

#[tokio::test(start_paused = true)]
async fn when_all_are_in_use_a_new_key_is_refused_for_now() {
    let issuer = Issuer::default();
    let keyed = keyed(&issuer);
    let mut held = Vec::new();
    let error = loop {
        match keyed.get(&(held.len() as u64)) {
            Ok(cached) => held.push(cached),
            Err(error) => break error,
        }
    };
    assert!(error.is_transient(), "{error}");
    assert_eq!((held.len(), keyed.len()), (LIMIT, LIMIT));
    // Those that are there are found as ever.
    assert!(keyed.get(&7).is_ok());
    held.clear();
    assert!(keyed.get(&(LIMIT as u64)).is_ok());
    assert!(keyed.len() <= LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_the_user_keeps_as_well_may_go() {
    let own: Vec<Cached> = (0..1000)
        .map(|n| Cached::new(common::token(n, common::HOUR)))
        .collect();
    let all = own.clone();
    let keyed = Keyed::builder(move |tenant: &usize| Ok(all[*tenant].clone()))
        .limit(LIMIT)
        .build();
    for tenant in 0..1000 {
        keyed.get(&tenant).unwrap().get().await.unwrap();
    }
    assert!(keyed.len() <= LIMIT);
    // It is the same when it comes back.
    keyed.get(&0).unwrap().get().await.unwrap();
    assert_eq!(own[0].stats().fetches, 1);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_outlives_eviction() {
    let issuer = Issuer::default();
    let keyed = keyed(&issuer);
    issuer.set(1, Manner::Fails(refused()));
    let evict = async |from: u64| {
        crowd(&keyed, from).await;
        assert!(keyed.stats_of(&1).is_none());
    };
    fetch(&keyed, 1).await.unwrap_err();
    evict(1000).await;
    advance(secs(10)).await;
    let error = fetch(&keyed, 1).await.unwrap_err();
    assert!(error.is_permanent());
    let left = error.retry_after().unwrap();
    assert!(left > secs(15) && left <= secs(20), "{left:?}");
    assert_eq!(
        issuer.fetches(1),
        1,
        "the eviction was a way around the gap"
    );
    // It ends when it would have ended, and doubles.
    advance(secs(21)).await;
    fetch(&keyed, 1).await.unwrap_err();
    assert_eq!(issuer.fetches(1), 2);
    evict(3000).await;
    advance(secs(31)).await;
    fetch(&keyed, 1).await.unwrap_err();
    assert_eq!(issuer.fetches(1), 2);
    // Whoever has changed the tenant's settings says so.
    issuer.set(1, Manner::Answers);
    keyed.remove(&1);
    fetch(&keyed, 1).await.unwrap();
    // And of one that works again nothing is remembered.
    evict(5000).await;
    fetch(&keyed, 1).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_server_has_named_outlives_eviction() {
    let issuer = Issuer::default();
    let keyed = keyed(&issuer);
    issuer.set(1, Manner::Fails(flaky().after(secs(300))));
    fetch(&keyed, 1).await.unwrap_err();
    for round in 0..4 {
        crowd(&keyed, 10_000 + round * 1000).await;
        assert!(keyed.stats_of(&1).is_none());
        advance(MINUTE).await;
        let error = fetch(&keyed, 1).await.unwrap_err();
        assert!(error.retry_after().unwrap() > SECOND);
    }
    assert_eq!(issuer.fetches(1), 1);
}
