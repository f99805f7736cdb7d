//! Credentials that prove the possession of a key with every sending.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::{Arc, Mutex};

use common::{HOUR, Source, token};
use hallpass_core::{Authorizer, Cached, Error, Origin, Proof, Resend, adapter::CallError};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};

static DPOP: HeaderName = HeaderName::from_static("dpop");
const URI: &str = "https://api.example/items?page=2";

/// Signs nothing: writes what it would sign.
#[derive(Clone, Default)]
struct Plain(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    nonce: Option<String>,
    proofs: u32,
    origins: Vec<String>,
    fails: bool,
}

impl Proof for Plain {
    fn header(&self) -> &HeaderName {
        &DPOP
    }

    fn prove(&self, method: &Method, uri: &Uri) -> Result<HeaderValue, Error> {
        let mut known = self.0.lock().unwrap();
        if known.fails {
            return Err(Error::permanent("no key"));
        }
        known.proofs += 1;
        let nonce = known.nonce.as_deref().unwrap_or("none");
        let proof = format!("{method} {uri} {} {nonce}", known.proofs);
        HeaderValue::from_str(&proof).map_err(Error::permanent)
    }

    fn answered(&self, origin: &Origin, _status: StatusCode, headers: &HeaderMap) -> bool {
        let mut known = self.0.lock().unwrap();
        known.origins.push(origin.to_string());
        let nonce = headers
            .get("dpop-nonce")
            .map(|nonce| nonce.to_str().unwrap().to_owned());
        let is_new = nonce.is_some() && nonce != known.nonce;
        known.nonce = nonce.or(known.nonce.take());
        is_new
    }
}

fn bound() -> (Authorizer, Plain, Cached) {
    let proof = Plain::default();
    let credential = proof.clone();
    let source = Source::new(move |n, _| Ok(token(n, HOUR).with_proof(credential.clone())));
    let cached = Cached::new(source);
    (Authorizer::new(cached.clone()), proof, cached)
}

fn wants(nonce: Option<&'static str>) -> Response<()> {
    let mut response = Response::builder()
        .status(401)
        .header("www-authenticate", "DPoP error=\"use_dpop_nonce\"");
    if let Some(nonce) = nonce {
        response = response.header("dpop-nonce", nonce);
    }
    response.body(()).unwrap()
}

/// What was sent, and the last answer.
async fn run(
    authorizer: &Authorizer,
    answer: impl Fn(usize, &HeaderMap) -> Response<()>,
) -> (Vec<(String, String)>, u16) {
    let mut sent = Vec::new();
    let request = Request::get(URI).body(()).unwrap();
    let response = authorizer.run(request, |request| {
        let text = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert!(request.headers()[&DPOP].is_sensitive());
        assert_eq!(request.headers().get_all(&DPOP).iter().count(), 1);
        let resends = request.extensions().get::<Resend>();
        assert_eq!(
            resends.map_or(0, |Resend(times)| *times as usize),
            sent.len()
        );
        sent.push((text("authorization"), text("dpop")));
        let answer = answer(sent.len(), request.headers());
        async { Ok::<_, std::io::Error>(answer) }
    });
    let status = response.await.unwrap().status().as_u16();
    (sent, status)
}

#[tokio::test(start_paused = true)]
async fn every_sending_has_a_proof_of_its_own_cold_and_warm() {
    let (authorizer, proof, _) = bound();
    for n in 1..=3 {
        let (sent, _) = run(&authorizer, |_, _| Response::new(())).await;
        let expected = ("Bearer token-1".to_owned(), format!("GET {URI} {n} none"));
        assert_eq!(sent, [expected]);
    }
    assert_eq!(proof.0.lock().unwrap().origins, ["https://api.example"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_new_nonce_is_worth_one_more_sending_with_the_same_token() {
    let (authorizer, _, cached) = bound();
    let (sent, status) = run(&authorizer, |n, _| match n {
        1 => wants(Some("n1")),
        _ => Response::new(()),
    })
    .await;
    assert_eq!(status, 200);
    let tokens: Vec<_> = sent.iter().map(|(token, _)| token.as_str()).collect();
    assert_eq!(tokens, ["Bearer token-1"; 2]);
    assert!(sent[1].1.ends_with("2 n1"));
    let counts = cached.stats();
    assert_eq!(
        (counts.fetches, counts.rejections, counts.replays),
        (1, 0, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_new_nonce_the_answer_is_returned() {
    let (authorizer, proof, cached) = bound();
    assert_eq!(run(&authorizer, |_, _| wants(None)).await.0.len(), 1);
    proof.0.lock().unwrap().nonce = Some("n1".to_owned());
    assert_eq!(run(&authorizer, |_, _| wants(Some("n1"))).await.0.len(), 1);
    // Not for ever, either.
    let (sent, status) = run(&authorizer, |n, _| wants(Some(["a", "b", "c"][n - 1]))).await;
    assert_eq!((sent.len(), status), (2, 401));
    assert_eq!(cached.stats().rejections, 0);
    let plain = Authorizer::new(token(1, HOUR));
    let request = Request::get(URI).body(()).unwrap();
    let mut calls = 0;
    let response = plain.run(request, |_| {
        calls += 1;
        async { Ok::<_, std::io::Error>(wants(Some("n1"))) }
    });
    assert_eq!(response.await.unwrap().status(), 401);
    assert_eq!((calls, plain.cached().stats().rejections), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_nonce_and_a_dead_token_take_three_sendings_and_no_more() {
    let (authorizer, _, cached) = bound();
    let (sent, status) = run(&authorizer, |n, headers| {
        if headers["authorization"] == "Bearer token-2" && n == 3 {
            return Response::new(());
        }
        match n {
            1 => wants(Some("n1")),
            _ => Response::builder().status(401).body(()).unwrap(),
        }
    })
    .await;
    assert_eq!((sent.len(), status), (3, 200));
    assert_eq!(cached.stats().fetches, 2);
    let (authorizer, _, _) = bound();
    let (sent, _) = run(&authorizer, |n, _| match n {
        1 | 3 => wants(Some(["a", "", "b"][n - 1])),
        _ => Response::builder().status(401).body(()).unwrap(),
    })
    .await;
    assert_eq!(sent.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_proof_that_can_not_be_made_sends_nothing() {
    let (authorizer, proof, _) = bound();
    proof.0.lock().unwrap().fails = true;
    for _ in ["cold", "warm"] {
        let request = Request::get(URI).body(()).unwrap();
        let answer = authorizer.run(request, |_| async {
            Err::<Response<()>, _>(std::io::Error::other("it was sent"))
        });
        assert!(matches!(answer.await, Err(CallError::Credential(error)) if error.is_permanent()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_callers_own_proof_leaves_the_request_alone() {
    let (authorizer, proof, _) = bound();
    for _ in ["cold", "warm"] {
        let request = Request::get(URI).header(&DPOP, "mine").body(()).unwrap();
        let answer = authorizer.run(request, |request| {
            assert_eq!(request.headers().len(), 1);
            async { Ok::<_, std::io::Error>(wants(Some("theirs"))) }
        });
        assert_eq!(answer.await.unwrap().status(), 401);
    }
    assert_eq!(proof.0.lock().unwrap().proofs, 0);
}

#[tokio::test(start_paused = true)]
async fn without_an_authority_the_proof_is_for_where_it_was_said_to_go() {
    let (authorizer, proof, _) = bound();
    let authorizer = authorizer.at("https://api.example").unwrap();
    for _ in ["cold", "warm"] {
        let request = Request::get("/items?page=2").body(()).unwrap();
        let answer = authorizer.run(request, |request| {
            let proof = request.headers()[&DPOP].to_str().unwrap();
            assert!(proof.starts_with(&format!("GET {URI} ")), "{proof}");
            async { Ok::<_, std::io::Error>(Response::new(())) }
        });
        answer.await.unwrap();
    }
    assert_eq!(proof.0.lock().unwrap().origins, ["https://api.example"; 2]);
}
