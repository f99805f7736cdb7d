//! Credentials that prove the possession of a key, where gRPC's statuses say what became of them.

use hallpass_core::{Authorizer, adapter::Evidence};
use http::{HeaderMap, HeaderValue, Request, Response};

use crate::common::{
    HOUR, Source,
    proofs::{URI, bound, run},
    token,
};

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
