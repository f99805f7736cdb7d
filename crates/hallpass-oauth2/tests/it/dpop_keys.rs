//! The keys that tokens are bound to: in memory, or kept.
#![allow(clippy::expect_used, reason = "a test may panic")]

use hallpass_core::CredentialSource as _;
use hallpass_oauth2::{Algorithm, Dpop, Key, Secret, TokenRequest};
use http::Method;

use crate::common::{
    self, Script, Step, client, fetch, jws,
    proofs::{API, BOUND, attached, bound, proof, proof_in},
};

#[tokio::test]
async fn keys_of_every_kind() {
    for (pem, algorithm, alg) in [
        (jws::P256, None, "ES256"),
        (jws::P384, None, "ES384"),
        (jws::ED25519_PEM, None, "EdDSA"),
        (jws::RSA, None, "RS256"),
        (jws::RSA, Some(Algorithm::Ps256), "PS256"),
    ] {
        let mut key = Key::from_pem(pem).unwrap().kid("is-not-sent");
        if let Some(algorithm) = algorithm {
            key = key.algorithm(algorithm);
        }
        let dpop = Dpop::key(key);
        let (credential, seen) = bound(client().dpop(dpop.clone())).await;
        assert_eq!(proof(&seen).alg, alg);
        let proof = proof_in(&attached(&credential, &Method::GET, API));
        assert_eq!(proof.alg, alg);
        assert_eq!(dpop.thumbprint().await.unwrap(), proof.thumbprint);
        // A token of one's own.
        let own = dpop.bind("its-own").await.unwrap();
        let proof = proof_in(&attached(&own, &Method::GET, API));
        assert!(proof.is_for("its-own"));
    }
    for (algorithm, alg) in [
        (Algorithm::Es256, "ES256"),
        (Algorithm::Es384, "ES384"),
        (Algorithm::EdDsa, "EdDSA"),
    ] {
        let (_, seen) = bound(client().dpop(Dpop::new().algorithm(algorithm))).await;
        assert_eq!(proof(&seen).alg, alg);
    }
}

#[tokio::test]
async fn a_key_in_memory_is_one_for_each_source_and_for_all_of_its_tokens() {
    let thumbprints = async |request: TokenRequest| {
        let script = Script::of([Step::ok(BOUND), Step::ok(BOUND)]);
        let source = request.build(script.clone()).unwrap();
        let told = source.description().key_thumbprint.unwrap();
        assert!(source.description().kept_key.is_none());
        for _ in 0..2 {
            assert_eq!(fetch(&source).await.unwrap().key_thumbprint(), Some(&*told));
        }
        told
    };
    let of_profile = || common::with("dpop = true");
    let one = thumbprints(of_profile()).await;
    let two = thumbprints(of_profile()).await;
    assert_ne!(one, two);
    let shared = Dpop::new();
    let one = thumbprints(client().dpop(shared.clone())).await;
    assert_eq!(one, thumbprints(client().dpop(shared.clone())).await);
    assert_eq!(one, shared.thumbprint().await.unwrap());
}

#[tokio::test]
async fn a_kept_key_that_is_replaced_holds_from_the_next_token_on() {
    let (secret, handle) = Secret::rotating(jws::P256);
    let script = Script::of([Step::ok(BOUND), Step::ok(BOUND.replace("t0ken", "t1ken"))]);
    let source = client()
        .dpop(Key::read(secret))
        .build(script.clone())
        .unwrap();
    assert!(source.description().kept_key.is_some());
    assert_eq!(source.description().key_thumbprint, None);
    let version = source.version();
    let first = fetch(&source).await.unwrap();
    handle.set(jws::ED25519_PEM);
    assert_ne!(source.version(), version);
    let second = fetch(&source).await.unwrap();
    let algs = [&first, &second].map(|one| proof_in(&attached(one, &Method::GET, API)).alg);
    // A token stays with the key that it was issued to.
    assert_eq!(algs, ["ES256", "EdDSA"]);
    assert_ne!(first.key_thumbprint(), second.key_thumbprint());
    let kept = client().dpop(Key::from_pem(jws::P256).unwrap());
    let description = kept.build(Script::default()).unwrap().description();
    assert!(description.kept_key.is_some() && description.key_thumbprint.is_some());
}
