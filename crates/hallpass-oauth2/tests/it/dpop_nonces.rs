//! The nonces that servers want in proofs (RFC 9449 §8, §9).
#![allow(clippy::expect_used, reason = "a test may panic")]

use std::{sync::Mutex, time::Duration};

use hallpass_core::{Authorizer, Cached, adapter::FreshProof};
use hallpass_oauth2::Dpop;
use hallpass_testkit::Proof;
use http::{Request, Response};

use crate::common::{
    Script, Step, client, fetch,
    proofs::{API, BOUND, WANTS_NONCE, proof, proof_in, wants},
};

#[tokio::test(start_paused = true)]
async fn a_nonce_that_is_asked_for_is_no_failure() {
    for status in [400, 401] {
        let script = Script::of([wants(status, "n1"), Step::ok(BOUND)]);
        let source = client().dpop(Dpop::new()).build(script.clone()).unwrap();
        let cached = Cached::new(source);
        let start = tokio::time::Instant::now();
        cached.get().await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO, "{status}");
        let counts = cached.stats();
        assert_eq!((counts.fetches, counts.failures), (1, 0), "{status}");
        let nonces = script
            .seen()
            .iter()
            .map(|seen| proof(seen).nonce)
            .collect::<Vec<_>>();
        assert_eq!(nonces, [None, Some("n1".to_owned())]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_nonce_is_tried_once_and_never_twice_the_same() {
    let source = |steps: Vec<Step>| {
        let script = Script::of(steps);
        (
            client().dpop(Dpop::new()).build(script.clone()).unwrap(),
            script,
        )
    };
    for (steps, sent) in [
        // Without one, and with one that is none.
        (vec![Step::status(400, WANTS_NONCE)], 1),
        (vec![wants(400, "a b")], 1),
        (vec![wants(400, &"n".repeat(1025))], 1),
        (vec![wants(403, "n1")], 1),
        (vec![wants(400, "n1"), wants(400, "n1")], 2),
        (vec![wants(400, "n1"), wants(400, "n2")], 2),
    ] {
        let (source, script) = source(steps);
        let error = fetch(&source).await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
        assert_eq!(error.code(), Some("use_dpop_nonce"));
        assert!(
            error
                .to_string()
                .contains("another nonce in the proof of possession"),
            "{error}"
        );
        assert_eq!(script.seen_count(), sent);
    }
    // What the last answer brought is used by the next fetch.
    let (source, script) = source(vec![
        wants(400, "n1"),
        wants(400, "n2"),
        Step::ok(BOUND).with("dpop-nonce", "n3"),
        wants(400, "n3"),
    ]);
    fetch(&source).await.unwrap_err();
    fetch(&source).await.unwrap();
    fetch(&source).await.unwrap_err();
    let nonces: Vec<_> = script.seen().iter().map(|seen| proof(seen).nonce).collect();
    let nonces: Vec<_> = nonces.iter().map(Option::as_deref).collect();
    assert_eq!(nonces, [None, Some("n1"), Some("n2"), Some("n3")]);
}

/// Calls an API that answers as it is told, and notes the proofs.
async fn call(authorizer: &Authorizer, url: &str, nonce: Option<&str>) -> Proof {
    let seen = Mutex::new(None);
    let request = Request::get(url).body(()).unwrap();
    let response = authorizer.run(request, |request| {
        *seen.lock().unwrap() = Some(proof_in(request.headers()));
        let mut response = Response::new(());
        if let Some(nonce) = nonce {
            response
                .headers_mut()
                .insert("dpop-nonce", nonce.parse().unwrap());
        }
        async { Ok::<_, std::io::Error>(response) }
    });
    response.await.unwrap();
    seen.into_inner().unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn nonces_belong_to_one_server_each_and_never_to_both_halves_of_one() {
    let script = Script::of([
        wants(400, "as-1"),
        Step::ok(BOUND),
        Step::ok(BOUND.replace("t0ken", "t1ken")),
    ]);
    let source = client().dpop(Dpop::new()).build(script.clone()).unwrap();
    let cached = Cached::new(source);
    let authorizer = Authorizer::new(cached.clone()).any_origin();
    let same = "https://auth.example.com/userinfo";
    // The authorization server's own API does not know that nonce.
    assert_eq!(call(&authorizer, same, Some("rs-1")).await.nonce, None);
    assert_eq!(
        call(&authorizer, same, None).await.nonce.as_deref(),
        Some("rs-1")
    );
    assert_eq!(call(&authorizer, API, Some("rs-2")).await.nonce, None);
    assert_eq!(
        call(&authorizer, API, None).await.nonce.as_deref(),
        Some("rs-2")
    );
    let spelled = "https://API.example.com:443/other";
    assert_eq!(
        call(&authorizer, spelled, None).await.nonce.as_deref(),
        Some("rs-2")
    );
    let port = "https://api.example.com:8443/items";
    assert_eq!(call(&authorizer, port, None).await.nonce, None);
    assert_eq!(
        call(&authorizer, same, None).await.nonce.as_deref(),
        Some("rs-1")
    );
    // A new token keeps them, and the token endpoint its own.
    let credential = cached.get().await.unwrap();
    cached.reject(&credential, &hallpass_core::Challenges::default());
    assert_eq!(
        call(&authorizer, API, None).await.nonce.as_deref(),
        Some("rs-2")
    );
    assert_eq!(cached.stats().fetches, 2);
    let last = script.seen().pop().unwrap();
    assert_eq!(proof(&last).nonce.as_deref(), Some("as-1"));
}

/// As a client does after an HTTP/2 GOAWAY: the answer is one to the last proof, not to the first.
#[tokio::test(start_paused = true)]
async fn an_answer_is_held_against_the_proof_that_was_sent_last() {
    // The first proof has no nonce, the last one has n1.
    for (wanted, sends) in [("n1", 1), ("n2", 2)] {
        let source = client().dpop(Dpop::new());
        let source = source.build(Script::of([Step::ok(BOUND)])).unwrap();
        let cached = Cached::new(source);
        cached.get().await.unwrap();
        let authorizer = Authorizer::new(cached);
        let nonces = Mutex::new(Vec::new());
        let request = Request::get(API).body(()).unwrap();
        let answered = authorizer.run(request, async |mut request| {
            if nonces.lock().unwrap().is_empty() {
                assert_eq!(proof_in(request.headers()).nonce, None);
                call(&authorizer, API, Some("n1")).await;
                let fresh = request.extensions().get::<FreshProof>().cloned().unwrap();
                let (method, uri) = (request.method().clone(), request.uri().clone());
                let headers = request.headers_mut();
                fresh.attach(&method, &uri, headers).unwrap();
            }
            let nonce = proof_in(request.headers()).nonce;
            nonces.lock().unwrap().push(nonce);
            let response = Response::builder()
                .status(401)
                .header("www-authenticate", "DPoP error=\"use_dpop_nonce\"")
                .header("dpop-nonce", wanted);
            Ok::<_, std::io::Error>(response.body(()).unwrap())
        });
        assert_eq!(answered.await.unwrap().status(), 401);
        let nonces = nonces.into_inner().unwrap();
        assert_eq!(nonces.len(), sends, "{nonces:?}");
        assert_eq!(nonces[0].as_deref(), Some("n1"));
        assert_eq!(nonces.last().unwrap().as_deref(), Some(wanted));
    }
}
