//! Credentials that prove the possession of a key with every sending.

use hallpass_core::{
    Authorizer, Cached, Credential, Error,
    adapter::{CallError, FreshProof},
};
use http::{Method, Request, Response};

use crate::common::{
    HOUR, Hands, Source,
    proofs::{DPOP, Plain, URI, bound, run, wants},
    secs, settle, token,
};

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

/// A nonce, then a refusal that the predecessor takes over, then another: it is enough.
#[tokio::test(start_paused = true)]
async fn nothing_is_sent_more_than_three_times() {
    let hands = Hands::new();
    let proof = Plain::default();
    let source = Source::new(move |n, _| {
        let bound = Credential::dpop(&format!("token-{n}"), proof.clone())?;
        Ok(bound.lives_for(secs(300)))
    });
    let cached = Cached::builder(source).clock(hands.clone()).build();
    let authorizer = Authorizer::new(cached.clone());
    run(&authorizer, |_, _| Response::new(())).await;
    hands.pass(secs(245));
    cached.get().await.unwrap();
    settle().await;
    let refused = || {
        let answer = Response::builder().status(401);
        let challenge = "DPoP error=\"invalid_token\"";
        answer
            .header("www-authenticate", challenge)
            .body(())
            .unwrap()
    };
    let (sent, status) = run(&authorizer, |n, _| match n {
        1 => wants(Some("n1")),
        _ => refused(),
    })
    .await;
    let tokens: Vec<_> = sent.iter().map(|(token, _)| token.as_str()).collect();
    assert_eq!(tokens, ["DPoP token-2", "DPoP token-2", "DPoP token-1"]);
    assert_eq!(status, 401);
}
