//! Tokens that are bound to a key (RFC 9449), shared by those who have the key.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use common::{Replica, Way, keys};
use hallpass_core::{Cached, Challenges, Credential, CredentialSource, Identified, Keyed};
use hallpass_oauth2::{
    Algorithm, ClientCredentials, Dpop, Key, Secret, TokenSource, Transport,
    transport::TransportError,
};
use hallpass_shared::{MemoryStore, Shared, SharedStats, SharedStore};
use hallpass_testkit::Proof;
use http::{HeaderMap, Method, Request, Response, Uri};

/// A token endpoint that binds another token to the key of each request's proof.
#[derive(Clone, Default)]
struct Issuer {
    proofs: Arc<Mutex<Vec<Proof>>>,
    kind: Option<&'static str>,
}

impl Issuer {
    fn requests(&self) -> usize {
        self.proofs.lock().unwrap().len()
    }

    fn source(&self, dpop: impl Into<Dpop>) -> TokenSource {
        ClientCredentials::at("https://auth.example.com/token")
            .basic("client", "secret")
            .dpop(dpop)
            .build(self.clone())
            .unwrap()
    }
}

impl Transport for Issuer {
    async fn send(
        &self,
        request: Request<Bytes>,
        _: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let mut proofs = self.proofs.lock().unwrap();
        let proof = request.headers()["dpop"].to_str().unwrap();
        proofs.push(Proof::read(proof).unwrap());
        let kind = self.kind.unwrap_or("DPoP");
        let token = format!(
            r#"{{"access_token":"token-{}","token_type":"{kind}","expires_in":300}}"#,
            proofs.len()
        );
        Ok(Response::new(Bytes::from(token)))
    }
}

/// A replica with a cache and a way to the store of its own, under the name that the source gives.
fn replica<S: Identified>(store: &MemoryStore, source: S) -> (Cached, Shared<S>, Way) {
    let way = Way::to(store);
    let shared = Shared::new(source, SharedStore::new(way.clone()), keys());
    (Cached::new(shared.clone()), shared, way)
}

async fn get(cached: &Cached) -> Credential {
    cached.get().await.unwrap()
}

/// The proof that a request to the API gets.
fn proof(credential: &Credential) -> Proof {
    let mut headers = HeaderMap::new();
    let uri = Uri::from_static("https://api.example.com/items");
    credential.attach(&Method::GET, &uri, &mut headers).unwrap();
    assert_eq!(headers.get_all("dpop").iter().count(), 1);
    Proof::read(headers["dpop"].to_str().unwrap()).unwrap()
}

fn kept() -> Key {
    Key::generate(Algorithm::Es256).unwrap()
}

/// Both use one token, and each makes its own proofs for it.
async fn use_one_token(caches: [&Cached; 2], issuer: &Issuer) {
    let [one, other] = [get(caches[0]).await, get(caches[1]).await];
    assert!(one.same_secret(&other));
    assert_eq!(one.header_value(), "DPoP token-1");
    let asked = issuer.proofs.lock().unwrap();
    assert_eq!(asked.len(), 1, "one token request");
    let mut seen = HashSet::from([asked[0].jti.clone()]);
    for credential in [&one, &other, &one, &other] {
        let proof = proof(credential);
        assert_eq!(proof.thumbprint, asked[0].thumbprint);
        assert!(proof.is_for("token-1"));
        assert!(seen.insert(proof.jti), "a proof came twice");
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_have_one_key_share_the_token_and_sign_for_themselves() {
    let (store, issuer, key) = (MemoryStore::new(), Issuer::default(), kept());
    let (one, first, _) = replica(&store, issuer.source(key.clone()));
    let (other, second, _) = replica(&store, issuer.source(key));
    use_one_token([&one, &other], &issuer).await;
    assert_eq!((first.stats().leased, first.stats().unpublished), (1, 0));
    assert_eq!((second.stats().taken_over, second.stats().leased), (1, 0));

    // A refusal is the fleet's, as for any other token.
    for cached in [&one, &other] {
        cached.accept(&get(cached).await);
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
    for cached in [&one, &other] {
        cached.reject(&cached.try_get().unwrap(), &Challenges::default());
        assert_eq!(get(cached).await.header_value(), "DPoP token-2");
    }
    assert_eq!(issuer.requests(), 2);
    assert!(proof(&get(&other).await).is_for("token-2"));
}

#[tokio::test(start_paused = true)]
async fn under_a_name_of_the_callers_choice_and_strictly_too() {
    for strict in [false, true] {
        let (store, issuer, key) = (MemoryStore::new(), Issuer::default(), kept());
        let change = |shared: Shared<_>| {
            if strict {
                shared.only_through_store()
            } else {
                shared
            }
        };
        let replica = || common::replica(&store, change, issuer.source(key.clone()));
        let [one, other]: [Replica<_>; 2] = [replica(), replica()];
        use_one_token([&one.cached, &other.cached], &issuer).await;
        // The caller's name says nothing of keys. Another key has an entry of its own all the same.
        let another = common::replica(&store, change, issuer.source(kept()));
        assert_eq!(get(&another.cached).await.header_value(), "DPoP token-2");
        assert_eq!(get(&one.cached).await.header_value(), "DPoP token-1");
        assert_eq!(another.shared.stats().damaged, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn another_key_never_gets_the_token() {
    let (store, issuer) = (MemoryStore::new(), Issuer::default());
    let (one, ..) = replica(&store, issuer.source(kept()));
    let (other, shared, _) = replica(&store, issuer.source(kept()));
    let [one, other] = [get(&one).await, get(&other).await];
    assert_ne!(one.key_thumbprint(), other.key_thumbprint());
    assert_eq!(one.header_value(), "DPoP token-1");
    assert_eq!(other.header_value(), "DPoP token-2");
    let SharedStats {
        taken_over,
        damaged,
        ..
    } = shared.stats();
    assert_eq!((taken_over, damaged), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_replaced_everywhere_gets_one_new_token() {
    let (store, issuer) = (MemoryStore::new(), Issuer::default());
    let pems = ["p256", "ed25519"].map(|name| {
        let root = env!("CARGO_MANIFEST_DIR");
        let path = format!("{root}/../hallpass-oauth2/tests/keys/{name}.pem");
        std::fs::read_to_string(path).unwrap()
    });
    let replica = || {
        let (secret, handle) = Secret::rotating(pems[0].as_str());
        (replica(&store, issuer.source(Key::read(secret))), handle)
    };
    let [((one, ..), first), ((other, ..), second)] = [replica(), replica()];
    use_one_token([&one, &other], &issuer).await;
    for handle in [first, second] {
        handle.set(pems[1].as_str());
    }
    // The token in hand stays with its key. The next one, when it has ended, is bound to the new one.
    assert_eq!(proof(&get(&one).await).alg, "ES256");
    tokio::time::sleep(Duration::from_secs(400)).await;
    let [one, other] = [get(&one).await, get(&other).await];
    assert!(one.same_secret(&other));
    assert_eq!((&*proof(&one).alg, &*proof(&other).alg), ("EdDSA", "EdDSA"));
    assert_eq!(issuer.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_bound_to_a_key_in_memory_stays_in_its_process() {
    let (store, issuer) = (MemoryStore::new(), Issuer::default());
    for count in 1..=2 {
        let (cached, _, way) = replica(&store, issuer.source(Dpop::new()));
        get(&cached).await;
        assert_eq!(issuer.requests(), count);
        assert_eq!(way.trips.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bearer_token_in_place_of_a_bound_one_is_nobody_elses() {
    let issuer = Issuer {
        kind: Some("Bearer"),
        ..Issuer::default()
    };
    let (store, key) = (MemoryStore::new(), kept());
    let lenient = || issuer.source(Dpop::key(key.clone()).allow_bearer());
    let (one, first, _) = replica(&store, lenient());
    assert_eq!(get(&one).await.header_value(), "Bearer token-1");
    assert_eq!(first.stats().unpublished, 1);
    // Whoever does not take one is not given one.
    let (strict, ..) = replica(&store, issuer.source(key.clone()));
    assert!(strict.get().await.unwrap_err().is_permanent());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cant_be_read_is_told_before_the_store_is_asked() {
    let (store, issuer) = (MemoryStore::new(), Issuer::default());
    let gone = Key::read(Secret::file("/nowhere/dpop-key.pem"));
    let source = issuer.source(gone);
    assert!(source.description().kept_key.is_some());
    let named = common::replica(&store, |shared| shared, source);
    assert!(named.cached.get().await.is_err());
    assert_eq!(named.way.trips.load(Ordering::Relaxed), 0);
    assert_eq!(issuer.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_a_keyed_share_with_their_own_kind_alone() {
    let (store, issuer) = (MemoryStore::new(), Issuer::default());
    let pairs = [kept(), kept()];
    // Two replicas; each has both tenants, and each tenant a key pair.
    let replica = || {
        let (store, issuer, pairs) = (Way::to(&store), issuer.clone(), pairs.clone());
        let store = SharedStore::new(store);
        let make = move |tenant: &usize| {
            let source = issuer.source(pairs[*tenant].clone());
            Ok(Shared::new(source, store.clone(), keys()))
        };
        Keyed::new(make)
    };
    let replicas = [replica(), replica()];
    let mut jkts = Vec::new();
    let mut seen = HashSet::new();
    for tenant in [0, 1, 0, 1] {
        for keyed in &replicas {
            let credential = get(&keyed.get(&tenant).unwrap()).await;
            assert_eq!(
                credential.header_value(),
                &*format!("DPoP token-{}", tenant + 1),
                "the tenant's own, of the replica that came first"
            );
            let proof = proof(&credential);
            assert!(proof.is_for(credential.token().unwrap()));
            assert!(seen.insert(proof.jti), "a proof came twice");
            assert_eq!(credential.key_thumbprint(), Some(&*proof.thumbprint));
            jkts.push((tenant, proof.thumbprint));
        }
    }
    let asked = issuer.proofs.lock().unwrap();
    let [first, second] = &asked[..] else {
        panic!("{} token requests for two tenants", asked.len());
    };
    assert_ne!(first.thumbprint, second.thumbprint);
    for (tenant, jkt) in jkts {
        assert_eq!(jkt, asked[tenant].thumbprint, "tenant {tenant}");
    }
}
