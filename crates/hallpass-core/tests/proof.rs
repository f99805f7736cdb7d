//! Credentials that prove the possession of a key with every sending.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::{Arc, Mutex};

use common::{HOUR, Source, token};
use hallpass_core::{
    Authorizer, Cached, Credential, Error, Origin, Proof, Resend,
    adapter::{CallError, Evidence, FreshProof},
};
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

    fn answered(
        &self,
        sent: &HeaderValue,
        origin: &Origin,
        _status: StatusCode,
        headers: &HeaderMap,
    ) -> bool {
        let mut known = self.0.lock().unwrap();
        known.origins.push(origin.to_string());
        let Some(nonce) = headers.get("dpop-nonce") else {
            return false;
        };
        let nonce = nonce.to_str().unwrap();
        known.nonce = Some(nonce.to_owned());
        !sent.to_str().unwrap().ends_with(nonce)
    }

    fn thumbprint(&self) -> Option<&str> {
        Some("a-thumbprint")
    }
}

fn bound() -> (Authorizer, Plain, Cached) {
    let proof = Plain::default();
    let credential = proof.clone();
    let source = Source::new(move |n, _| {
        let bound = Credential::dpop(&format!("token-{n}"), credential.clone())?;
        Ok(bound.lives_for(HOUR))
    });
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
        let expected = ("DPoP token-1".to_owned(), format!("GET {URI} {n} none"));
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
    assert_eq!(tokens, ["DPoP token-1"; 2]);
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
        if headers["authorization"] == "DPoP token-2" && n == 3 {
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

#[tokio::test(start_paused = true)]
async fn a_nonce_that_another_request_has_learnt_meanwhile_is_new_to_this_one() {
    let (authorizer, proof, _) = bound();
    let (sent, status) = run(&authorizer, |n, _| match n {
        1 => {
            proof.0.lock().unwrap().nonce = Some("n1".to_owned());
            wants(Some("n1"))
        }
        _ => Response::new(()),
    })
    .await;
    assert_eq!((sent.len(), status), (2, 200));
    assert!(sent[1].1.ends_with("2 n1"));
}

fn unauthenticated(nonce: Option<&'static str>, challenge: Option<&str>) -> Response<()> {
    let mut response = Response::builder()
        .header("content-type", "application/grpc")
        .header("grpc-status", "16");
    if let Some(nonce) = nonce {
        response = response.header("dpop-nonce", nonce);
    }
    if let Some(challenge) = challenge {
        response = response.header("www-authenticate", challenge);
    }
    response.body(()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn in_grpc_a_new_nonce_is_tried_before_a_new_token() {
    for (answers, sends, fetches) in [
        (vec![(Some("n1"), None)], 2, 1),
        // The token is dead as well.
        (vec![(Some("n1"), None), (Some("n2"), None)], 3, 2),
        (vec![(Some("n1"), None), (Some("n1"), None)], 3, 2),
        (
            vec![(Some("n1"), Some("DPoP error=\"invalid_token\""))],
            2,
            2,
        ),
        (
            vec![(Some("n1"), Some("DPoP error=\"use_dpop_nonce\""))],
            2,
            1,
        ),
        (
            vec![(None, Some("DPoP error=\"invalid_dpop_proof\""))],
            1,
            1,
        ),
        (vec![(None, None)], 2, 2),
    ] {
        let (authorizer, _, cached) = bound();
        let (sent, _) = run(&authorizer, |n, _| match answers.get(n - 1) {
            Some((nonce, challenge)) => unauthenticated(*nonce, *challenge),
            None => Response::new(()),
        })
        .await;
        assert_eq!(
            (sent.len(), cached.stats().fetches),
            (sends, fetches),
            "{answers:?}"
        );
    }
    // It says nothing to a token without a proof.
    let plain = Authorizer::new(Source::new(|n, _| Ok(token(n, HOUR))));
    let request = Request::get(URI).body(()).unwrap();
    let response = plain.run(request, |request| {
        let dead = request.headers()["authorization"] == "Bearer token-1";
        let answer = if dead {
            unauthenticated(Some("n1"), None)
        } else {
            Response::new(())
        };
        async { Ok::<_, std::io::Error>(answer) }
    });
    assert_eq!(response.await.unwrap().status(), 200);
    assert_eq!(plain.cached().stats().fetches, 2);
}

#[tokio::test(start_paused = true)]
async fn the_trailers_of_a_call_bring_nonces_too() {
    let (authorizer, proof, cached) = bound();
    let authorizer = authorizer.report_evidence();
    for (status, nonce, rejections) in [
        ("0", Some("n1"), 0),
        // It asks for another proof, and says nothing of the token.
        ("16", Some("n2"), 0),
        // That did not help.
        ("16", Some("n2"), 1),
    ] {
        let request = Request::post(URI).body(()).unwrap();
        let response = authorizer.run(request, |_| async {
            let response = Response::builder().header("content-type", "application/grpc");
            Ok::<_, std::io::Error>(response.body(()).unwrap())
        });
        let mut response = response.await.unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static(status));
        if let Some(nonce) = nonce {
            trailers.insert("dpop-nonce", HeaderValue::from_static(nonce));
        }
        let evidence: Evidence = response.extensions_mut().remove().unwrap();
        evidence.ended(&trailers);
        assert_eq!(cached.stats().rejections, rejections, "{status} {nonce:?}");
        if let Some(nonce) = nonce {
            assert_eq!(proof.0.lock().unwrap().nonce.as_deref(), Some(nonce));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_own_proof_waits_for_no_token_where_the_source_says_that_it_has_them() {
    struct Down;

    impl hallpass_core::CredentialSource for Down {
        async fn fetch(&self, _: &hallpass_core::Fetch) -> Result<Credential, Error> {
            panic!("nobody needs one")
        }

        fn description(&self) -> hallpass_core::Description {
            let mut description = hallpass_core::Description::default();
            description.beside.push(DPOP.clone());
            description
        }
    }

    for url in [URI, "http://10.0.0.7/"] {
        let authorizer = Authorizer::new(Down);
        let request = Request::get(url).header(&DPOP, "mine").body(()).unwrap();
        let answer = authorizer.run(request, |_| async {
            Ok::<_, std::io::Error>(Response::new(()))
        });
        assert_eq!(answer.await.unwrap().status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn what_sends_a_request_again_below_makes_another_proof() {
    let (authorizer, _, _) = bound();
    for (n, _) in ["cold", "warm"].iter().enumerate() {
        let request = Request::get(URI).body(()).unwrap();
        let answer = authorizer.run(request, |mut request| {
            let first = request.headers()[&DPOP].clone();
            let fresh = request.extensions().get::<FreshProof>().unwrap().clone();
            let uri = request.uri().clone();
            fresh
                .attach(&Method::GET, &uri, request.headers_mut())
                .unwrap();
            let proofs: Vec<_> = request.headers().get_all(&DPOP).iter().collect();
            assert_eq!(proofs.len(), 1);
            assert!(proofs[0].is_sensitive() && *proofs[0] != first);
            assert_eq!(*proofs[0], format!("GET {URI} {} none", 2 * n + 2));
            async { Ok::<_, std::io::Error>(Response::new(())) }
        });
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    let plain = Authorizer::new(token(1, HOUR));
    let request = Request::get(URI).body(()).unwrap();
    let answer = plain.run(request, |request| {
        assert!(request.extensions().is_empty());
        async { Ok::<_, std::io::Error>(Response::new(())) }
    });
    answer.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_replacement_without_a_proof_is_not_proved_again() {
    let proof = Plain::default();
    let source = Source::new(move |n, _| match n {
        1 => Ok(Credential::dpop("token-1", proof.clone())?.lives_for(HOUR)),
        _ => Ok(token(n, HOUR)),
    });
    let authorizer = Authorizer::new(source);
    let request = Request::get(URI).body(()).unwrap();
    let mut sent = 0;
    let response = authorizer.run(request, |request| {
        sent += 1;
        assert_eq!(request.headers().contains_key(&DPOP), sent == 1);
        let answer = match sent {
            1 => Response::builder().status(401).body(()).unwrap(),
            _ => wants(Some("n1")),
        };
        async { Ok::<_, std::io::Error>(answer) }
    });
    assert_eq!(response.await.unwrap().status(), 401);
    assert_eq!(sent, 2);
}

#[tokio::test(start_paused = true)]
async fn without_any_authority_no_proof_is_made() {
    let (authorizer, _, _) = bound();
    let authorizer = authorizer.any_origin();
    for _ in ["cold", "warm"] {
        let request = Request::get("/items").body(()).unwrap();
        let answer = authorizer.run(request, |_| async {
            Err::<Response<()>, _>(std::io::Error::other("it was sent"))
        });
        let Err(CallError::Credential(error)) = answer.await else {
            panic!("no error");
        };
        assert!(error.is_destination());
    }
}

#[test]
fn a_credential_names_what_it_is_bound_to() {
    let bound = Credential::dpop("a-token", Plain::default()).unwrap();
    assert_eq!(bound.key_thumbprint(), Some("a-thumbprint"));
    assert_eq!(bound.token(), Some("a-token"));
    assert_eq!(bound.certificate_thumbprint(), None);
    let bound = Credential::bearer("a-token")
        .unwrap()
        .bound_to_certificate("x5t");
    assert_eq!(bound.certificate_thumbprint(), Some("x5t"));
    assert_eq!(bound.key_thumbprint(), None);
    assert!(Credential::dpop("a token", Plain::default()).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_token_goes_only_with_the_certificate_that_it_is_bound_to() {
    let source =
        || Source::new(|n, _| Ok(token(n, HOUR).bound_to_certificate("its-own-thumbprint")));
    for (presented, expected) in [
        (None, Some("no certificate of the client's is known here")),
        (
            Some("another-thumbprint"),
            Some("the client presents another one, another-thumbprint"),
        ),
        (Some("its-own-thumbprint"), None),
    ] {
        let mut authorizer = Authorizer::new(source());
        if let Some(presented) = presented {
            authorizer = authorizer.client_certificate(presented);
        }
        for _ in ["cold", "warm"] {
            let request = Request::get(URI).body(()).unwrap();
            let answer = authorizer.run(request, |request| {
                assert_eq!(request.headers()["authorization"], "Bearer token-1");
                assert!(request.extensions().is_empty());
                async { Ok::<_, std::io::Error>(Response::new(())) }
            });
            match (answer.await, expected) {
                (Ok(_), None) => {}
                (Err(CallError::Credential(error)), Some(why)) => {
                    assert!(
                        error.is_possession() && error.is_permanent() && !error.is_destination()
                    );
                    let told = error.to_string();
                    assert!(
                        told.contains(why) && told.contains("its-own-thumbprint"),
                        "{told}"
                    );
                }
                (other, _) => panic!("{presented:?}: {other:?}"),
            }
        }
    }
}
