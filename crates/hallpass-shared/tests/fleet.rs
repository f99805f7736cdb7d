//! Many replicas, one store that works: how many token requests there are.

mod common;

use std::{sync::atomic::Ordering, time::Duration};

use common::{
    LIFETIME, SECOND, common_token, fleet, get_all, identity, keys, refuse_all, replica, run_for,
    settle,
};
use hallpass_core::{
    Cached, Credential, CredentialSource as _, Description, Error, Fetch, Identity, Keyed, Origin,
    Proof,
};
use hallpass_shared::{Key, Keys, MemoryStore, Shared, SharedStore};
use hallpass_testkit::{Reissue, ScriptedSource};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

const FIFTY: usize = 50;

#[tokio::test(start_paused = true)]
async fn fifty_cold_replicas_ask_once() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    source.latency(Duration::from_millis(300));
    let fleet = fleet(FIFTY, &store, &source);
    assert_eq!(common_token(&fleet).await, "token-1");
    assert_eq!(source.fetches(), 1);
    let most = |replica: &common::Replica| replica.way.trips.load(Ordering::Relaxed);
    let holder = fleet
        .iter()
        .find(|replica| replica.shared.stats().leased == 1)
        .unwrap();
    assert_eq!(most(holder), 2, "a lease and a publication");
    for replica in &fleet {
        assert!(most(replica) <= 3, "{:?}", replica.shared.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn over_ten_lifetimes_one_asks_and_nobody_waits() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    source.latency(Duration::from_millis(300));
    let fleet = fleet(FIFTY, &store, &source);
    common_token(&fleet).await;
    run_for(&fleet, 10 * LIFETIME).await;
    // Each token is renewed a fifth to a quarter of its life before its end.
    let fetches = source.fetches();
    assert!((10..=14).contains(&fetches), "{fetches}");
    assert_eq!(source.max_in_flight(), 1);
    for replica in &fleet {
        assert_eq!(replica.cached.stats().waits, 1, "only the very first call");
        assert_eq!(replica.shared.stats().direct, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_revocation_costs_one_request() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    source.latency(Duration::from_millis(300));
    let fleet = fleet(FIFTY, &store, &source);
    common_token(&fleet).await;
    settle(&fleet).await;
    refuse_all(&fleet);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(common_token(&fleet).await, "token-2");
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_late_refusal_of_what_was_replaced_costs_none() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let fleet = fleet(FIFTY, &store, &source);
    common_token(&fleet).await;
    settle(&fleet).await;
    refuse_all(&fleet[..1]);
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(source.fetches(), 2);
    // The others find out a minute later.
    refuse_all(&fleet[1..]);
    tokio::time::sleep(SECOND).await;
    assert_eq!(common_token(&fleet).await, "token-2");
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_gets_no_refused_token() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let old = fleet(1, &store, &source);
    common_token(&old).await;
    settle(&old).await;
    source.latency(SECOND);
    refuse_all(&old);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let new = fleet(1, &store, &source);
    assert_eq!(common_token(&new).await, "token-2");
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn kept_warm_they_take_over_before_their_own_is_due() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let fleet = fleet(10, &store, &source);
    let mut guards = Vec::new();
    for replica in &fleet {
        guards.push(replica.cached.keep_warm().unwrap());
    }
    common_token(&fleet).await;
    // One renews long before the others would.
    tokio::time::sleep(60 * SECOND).await;
    fleet[3].cached.renew().await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(common_token(&fleet).await, "token-2");
    assert_eq!(source.fetches(), 2);
    // And so it goes on, without a caller.
    tokio::time::sleep(5 * LIFETIME).await;
    let fetches = source.fetches();
    assert!((6..=10).contains(&fetches), "{fetches}");
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_repeats_itself_is_asked_by_one_at_a_time() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    source.set_reissue(Reissue::Sticky);
    let fleet = fleet(20, &store, &source);
    common_token(&fleet).await;
    run_for(&fleet, LIFETIME).await;
    // Towards its end a token that comes again is asked for after half of what is left.
    let alone = ScriptedSource::tokens(LIFETIME);
    alone.set_reissue(Reissue::Sticky);
    let one = common::fleet(1, &MemoryStore::new(), &alone);
    common_token(&one).await;
    run_for(&one, LIFETIME).await;
    let (together, alone) = (source.fetches(), alone.fetches());
    assert!(together <= 3 * alone, "{together} together, {alone} alone");
}

/// Each replica has a [`Keyed`] of its own, and all share one store.
#[expect(clippy::unwrap_used, reason = "a test may panic")]
async fn replicas_share_tenants(replicas: usize, tenants: u32) {
    let memory = MemoryStore::new();
    let keys = Keys::new(Key::new(&[1; 32]));
    let mut leased = 0;
    for replica in 0..replicas {
        let store = SharedStore::new(memory.clone());
        let (common, keys) = (store.clone(), keys.clone());
        let make = move |tenant: &u32| {
            let token = format!("tenant-{tenant}-by-{replica}");
            let source = Credential::bearer(&token)?.lives_for(LIFETIME);
            let identity = Identity::new("acme").part("tenant", tenant.to_be_bytes());
            Ok(Shared::named(
                source,
                identity,
                common.clone(),
                keys.clone(),
            ))
        };
        let keyed = Keyed::new(make);
        for tenant in 0..tenants {
            let credential = keyed.get(&tenant).unwrap().get().await.unwrap();
            assert_eq!(
                credential.token(),
                Some(&*format!("tenant-{tenant}-by-0")),
                "the tenant's own, of the replica that came first"
            );
        }
        leased += store.stats().leased;
    }
    assert_eq!(leased, u64::from(tenants), "one token request for each");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_replicas_share_a_hundred_tenants() {
    replicas_share_tenants(100, 100).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "half a minute, released; `cargo xtask stores` runs it"]
async fn a_hundred_replicas_share_ten_thousand_tenants() {
    replicas_share_tenants(100, 10_000).await;
}

#[tokio::test(start_paused = true)]
async fn a_ring_is_changed_without_a_gap() {
    let (old, new) = (Key::new(&[1; 32]), Key::new(&[2; 32]));
    let source = ScriptedSource::tokens(LIFETIME);
    let memory = MemoryStore::new();
    let rings = [
        Keys::new(old.clone()),
        Keys::new(old.clone()).also(new.clone()),
        Keys::new(new.clone()).also(old.clone()),
    ];
    for pair in rings.windows(2) {
        memory.clear();
        for keys in [&pair[0], &pair[1], &pair[0]] {
            let store = SharedStore::new(memory.clone());
            let shared = Shared::named(source.clone(), identity(), store, keys.clone());
            Cached::new(shared.clone()).get().await.unwrap();
            assert_eq!(shared.stats().damaged, 0);
        }
    }
    assert_eq!(source.fetches(), 2, "one for each pair of rings");
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_fails_is_asked_by_one_at_a_time() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    source.latency(Duration::from_millis(100));
    source.down(Error::transient("no connection"));
    let fleet = fleet(FIFTY, &store, &source);
    let asking = get_all(&fleet);
    let repair = async {
        tokio::time::sleep(4 * SECOND).await;
        source.up();
    };
    let (all, ()) = tokio::join!(asking, repair);
    assert_eq!(source.max_in_flight(), 1);
    assert!(source.fetches() <= 6, "{}", source.fetches());
    // Callers had five seconds of patience each, and the outage was shorter.
    assert!(all.iter().all(Result::is_ok), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_kept_by_all() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let limited = Error::transient("429").after(30 * SECOND);
    source.down(limited);
    let fleet = fleet(FIFTY, &store, &source);
    for outcome in get_all(&fleet).await {
        let error = outcome.unwrap_err();
        assert!(
            error.is_transient() && error.retry_after() > Some(15 * SECOND),
            "{error}"
        );
    }
    assert_eq!(source.fetches(), 1);
    source.up();
    tokio::time::sleep(40 * SECOND).await;
    common_token(&fleet).await;
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_holds_nobody_else_up() {
    let store = MemoryStore::new();
    let wrong = ScriptedSource::failing(Error::permanent("invalid_client"));
    let wrong = fleet(1, &store, &wrong);
    let error = wrong[0].cached.get().await.unwrap_err();
    assert!(error.is_permanent());
    let source = ScriptedSource::tokens(LIFETIME);
    let right = fleet(1, &store, &source);
    assert_eq!(
        right[0].cached.get_within(SECOND).await.unwrap().token(),
        Some("token-1")
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_tied_to_the_process_stays_in_it() {
    struct Signature(HeaderName);

    impl Proof for Signature {
        fn header(&self) -> &HeaderName {
            &self.0
        }
        fn prove(&self, _: &Method, _: &Uri) -> Result<HeaderValue, Error> {
            Ok(HeaderValue::from_static("signed"))
        }
        fn answered(&self, _: &HeaderValue, _: &Origin, _: StatusCode, _: &HeaderMap) -> bool {
            false
        }
    }

    let store = MemoryStore::new();
    for token in ["one", "two"] {
        let proof = Signature(HeaderName::from_static("x-proof"));
        let bound = Credential::bearer(token).unwrap().with_proof(proof);
        let replica = replica(&store, |shared| shared, bound.lives_for(LIFETIME));
        let credential = replica.cached.get().await.unwrap();
        assert_eq!(credential.token(), Some(token));
        assert_eq!(replica.shared.stats().unpublished, 1);
    }
}

/// As `dpop` does: only who has the key can use it.
struct BoundToKey;

impl hallpass_core::CredentialSource for BoundToKey {
    async fn fetch(&self, _: &Fetch) -> Result<Credential, Error> {
        Ok(Credential::bearer("bound")?.lives_for(LIFETIME))
    }

    fn description(&self) -> Description {
        let mut description = Description::default();
        description.key_thumbprint = Some("a-thumbprint".to_owned());
        description
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_bound_to_a_key_costs_the_store_nothing() {
    let store = MemoryStore::new();
    let free = replica(&store, |shared| shared, BoundToKey);
    let credential = free.cached.get().await.unwrap();
    assert_eq!(credential.token(), Some("bound"));
    assert_eq!(free.way.trips.load(Ordering::Relaxed), 0);

    // Each process's token would end the others'.
    let strict = replica(&store, Shared::only_through_store, BoundToKey);
    let error = strict.cached.get().await.unwrap_err();
    assert!(error.is_permanent(), "{error}");
}

/// Figures beside each process fetching for itself.
#[tokio::test(start_paused = true)]
async fn token_requests_an_hour_for_a_hundred_replicas() {
    const HOUR: Duration = Duration::from_secs(3600);
    let together = ScriptedSource::tokens(LIFETIME);
    let store = MemoryStore::new();
    let shared = fleet(100, &store, &together);
    let apart = ScriptedSource::tokens(LIFETIME);
    let alone: Vec<_> = (0..100).map(|_| Cached::new(apart.clone())).collect();
    for _ in 0..HOUR.as_secs() {
        for (one, other) in shared.iter().zip(&alone) {
            one.cached.get().await.unwrap();
            other.get().await.unwrap();
        }
        tokio::time::sleep(SECOND).await;
    }
    let trips: u64 = shared
        .iter()
        .map(|replica| replica.way.trips.load(Ordering::Relaxed))
        .sum();
    let (together, apart) = (together.fetches(), apart.fetches());
    println!(
        "100 replicas, 300 s tokens, an hour: {together} token requests together, {apart} apart; {trips} round trips to the store"
    );
    assert!(together <= 17, "{together}");
    assert!(apart >= 1400, "{apart}");
}

#[tokio::test(start_paused = true)]
async fn by_hand_a_source_can_be_told_what_to_replace() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let [one, other] = [(); 2].map(|()| {
        replica(&store, |shared| shared, source.clone())
            .shared
            .clone()
    });
    let first = one.fetch(&Fetch::first()).await.unwrap();
    let same = other.fetch(&Fetch::first()).await.unwrap();
    assert!(first.same_secret(&same));
    let second = one
        .fetch(&Fetch::first().replacing(first, true))
        .await
        .unwrap();
    let taken = other
        .fetch(&Fetch::first().replacing(same, true))
        .await
        .unwrap();
    assert!(second.same_secret(&taken));
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn headers_beyond_ascii_are_shared_too() {
    let store = MemoryStore::new();
    let shared = |source: Credential| {
        let store = SharedStore::new(store.clone());
        Shared::named(source, identity(), store, keys())
    };
    let living = |token| Credential::bearer(token).unwrap().lives_for(LIFETIME);
    let name = HeaderName::from_static("x-office");
    let value = HeaderValue::from_bytes("Zürich".as_bytes()).unwrap();
    let first = living("token-1").with_default_header(name.clone(), value.clone());
    shared(first).fetch(&Fetch::first()).await.unwrap();
    let second = shared(living("of-its-own")).fetch(&Fetch::first()).await;
    let second = second.unwrap();
    assert_eq!(second.token(), Some("token-1"));
    assert!(second.default_headers().eq([(&name, &value)]));
}
