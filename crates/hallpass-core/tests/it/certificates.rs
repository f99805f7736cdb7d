//! A client whose certificate is replaced while tokens that are bound to the old one still live
//! (RFC 8705 §3).

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use hallpass_core::{Authorizer, Cached, Challenges, Error, adapter::CallError};
use http::{Request, Response, header::AUTHORIZATION};

use crate::common::{HOUR, SECOND, Source, token};

/// Binds each token to the certificate that its client presents by then.
fn issuer() -> (Source, Arc<Mutex<&'static str>>) {
    let presented = Arc::new(Mutex::new("one"));
    let seen = Arc::clone(&presented);
    let source = Source::new(move |n, _| {
        let certificate = *seen.lock().unwrap();
        Ok(token(n, HOUR).bound_to_certificate(certificate))
    });
    (source, presented)
}

/// What a server is sent, or the error without which it is sent nothing.
async fn sent(authorizer: &Authorizer) -> Result<Vec<String>, Error> {
    let mut sent = Vec::new();
    let request = Request::get("https://api.example/").body(()).unwrap();
    let sending = |request: Request<()>| {
        let value = request.headers()[AUTHORIZATION].to_str().unwrap();
        sent.push(value.to_owned());
        std::future::ready(Ok::<_, Infallible>(Response::new(())))
    };
    match authorizer.run(request, sending).await {
        Ok(_) => Ok(sent),
        Err(CallError::Credential(error)) => Err(error),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_just_before_takes_nothing_away() {
    let (source, presented) = issuer();
    let cached = Cached::new(source);
    let before = Authorizer::new(cached.clone()).client_certificate("one");
    assert_eq!(sent(&before).await.unwrap(), ["Bearer token-1"]);
    // No answer has accepted it when the certificate changes, and its predecessor is bound likewise.
    cached.renew().await.unwrap();
    *presented.lock().unwrap() = "two";
    let after = before.clone().client_certificate("two");
    for _ in 0..3 {
        assert_eq!(sent(&after).await.unwrap(), ["Bearer token-3"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_looked_into_by_one_request_with_a_certificate_too() {
    let (source, _) = issuer();
    let cached = Cached::new(source.taking(SECOND));
    let authorizer = Authorizer::new(cached.clone()).client_certificate("one");
    assert_eq!(sent(&authorizer).await.unwrap(), ["Bearer token-1"]);
    let refused = cached.get().await.unwrap();
    cached.reject(&refused, &Challenges::default());
    // Servers take it still: the next request goes with it, and waits for no replacement.
    let start = tokio::time::Instant::now();
    assert_eq!(sent(&authorizer).await.unwrap(), ["Bearer token-1"]);
    assert_eq!(start.elapsed(), tokio::time::Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_takes_a_new_token() {
    let (source, presented) = issuer();
    let before = Authorizer::new(source.clone().taking(SECOND)).client_certificate("one");
    for _ in 0..3 {
        assert_eq!(sent(&before).await.unwrap(), ["Bearer token-1"]);
    }
    *presented.lock().unwrap() = "two";
    let after = before.clone().client_certificate("two");
    let calls = (0..20).map(|_| {
        let after = after.clone();
        tokio::spawn(async move { sent(&after).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(
            call.await.unwrap().unwrap(),
            ["Bearer token-2"],
            "and no error"
        );
    }
    assert_eq!(source.fetches(), 2, "one fetch for all of them");
    for _ in 0..3 {
        assert_eq!(sent(&after).await.unwrap(), ["Bearer token-2"]);
    }
    // What is left of the old client sends nothing that its server would refuse.
    assert!(sent(&before).await.unwrap_err().is_possession());
}

/// It is no way to make an issuer work that binds its tokens to another one.
#[tokio::test(start_paused = true)]
async fn a_certificate_that_no_token_is_for_costs_ever_less() {
    let (source, _) = issuer();
    let authorizer = Authorizer::new(source.clone()).client_certificate("another");
    for _ in 0..100 {
        let error = sent(&authorizer).await.unwrap_err();
        assert!(error.is_possession(), "{error}");
        tokio::time::sleep(SECOND).await;
    }
    assert!((2..=9).contains(&source.fetches()), "{}", source.fetches());

    // Where none is known, a token would be of no use either.
    let (source, _) = issuer();
    let authorizer = Authorizer::new(source.clone());
    for _ in 0..100 {
        assert!(sent(&authorizer).await.unwrap_err().is_possession());
        tokio::time::sleep(SECOND).await;
    }
    assert_eq!(source.fetches(), 1);
}

/// Nor does it help that others, with the old certificate, are served.
#[tokio::test(start_paused = true)]
async fn a_certificate_that_no_token_is_for_costs_ever_less_beside_one_that_works() {
    let (source, _) = issuer();
    let works = Authorizer::new(source.clone()).client_certificate("one");
    let another = works.clone().client_certificate("another");
    for _ in 0..100 {
        sent(&works).await.unwrap();
        sent(&another).await.unwrap_err();
        tokio::time::sleep(SECOND).await;
    }
    assert!((2..=9).contains(&source.fetches()), "{}", source.fetches());
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
            let request = Request::get("https://api.example/").body(()).unwrap();
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
