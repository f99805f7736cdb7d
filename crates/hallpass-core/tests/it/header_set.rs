//! A credential of several headers: what is known of them, and that they stay together.

#![allow(clippy::panic, reason = "a test may panic")]

use hallpass_core::{
    Authorizer, Cached, Choices, Credential,
    adapter::{Admission, Attached},
};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Uri, header::AUTHORIZATION};

use crate::common::{HOUR, Source, cached};

const URI: &str = "https://api.example/items";
const KEY: HeaderName = HeaderName::from_static("x-api-key");
const TENANT: HeaderName = HeaderName::from_static("x-tenant");

/// A key and a tenant in headers of their own.
fn set() -> Credential {
    let key = Credential::header(KEY, "ours").unwrap().lives_for(HOUR);
    key.with_header(TENANT, HeaderValue::from_static("a"))
}

#[test]
fn all_of_the_set_comes_off_together() {
    let credential = set();
    let mut headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("mine"))]);
    credential
        .attach(&Method::GET, &Uri::from_static(URI), &mut headers)
        .unwrap();
    assert!(credential.is_on(&headers));
    assert_eq!(headers.len(), 3);
    credential.detach(&mut headers);
    assert!(!credential.is_on(&headers));
    assert_eq!(headers.len(), 1);
    let names: Vec<_> = credential.header_names().map(HeaderName::as_str).collect();
    assert_eq!(names, ["x-api-key", "x-tenant"]);
}

#[tokio::test]
async fn a_default_header_yields_and_keeps_no_credential_away() {
    const ACCEPT: HeaderName = http::header::ACCEPT;
    let json = HeaderValue::from_static("application/json");
    let credential = Credential::bearer("t").unwrap().never_expires();
    let credential = credential.with_default_header(ACCEPT, json.clone());
    assert!(!credential.is_on(&HeaderMap::from_iter([(ACCEPT, json.clone())])));
    let cached = Cached::new(credential);
    let credential = cached.get().await.unwrap();
    let mut own = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("text/csv"))]);
    own.insert(AUTHORIZATION, HeaderValue::from_static("Bearer t"));
    credential.detach(&mut own);
    assert_eq!(own.get(AUTHORIZATION), None);
    assert_eq!(own[ACCEPT], "text/csv", "it is no secret of ours");
    let uri = Uri::from_static(URI);
    let authorizer = Authorizer::new(cached.clone());
    let names = authorizer.credential_headers(&uri, &own, &Extensions::new());
    assert!(names.contains(&AUTHORIZATION));
    assert!(
        !names.contains(&ACCEPT),
        "nor is it left behind on a redirect"
    );
    for authorizer in [
        Authorizer::new(cached.clone()),
        Authorizer::new(cached.clone()).override_existing(),
    ] {
        let authorizer = authorizer.any_origin();
        for (own, expected) in [(None, "application/json"), (Some("text/csv"), "text/csv")] {
            let mut headers = HeaderMap::new();
            if let Some(own) = own {
                headers.insert(ACCEPT, HeaderValue::from_static(own));
            }
            let admission = authorizer.admit(&uri, &headers, &Extensions::new());
            let Admission::Carry(mut exchange) = admission else {
                panic!("{admission:?}");
            };
            let attached = exchange.attach(&Method::GET, &uri, &mut headers).unwrap();
            assert_eq!(attached, Attached::Yes);
            assert_eq!(headers[AUTHORIZATION], "Bearer t");
            assert_eq!(headers[ACCEPT], expected);
        }
    }
}

/// What follows redirects has to know them also once the credential is over.
#[tokio::test(start_paused = true)]
async fn they_are_known_from_the_first_fetch_on_and_sooner_if_they_are_announced() {
    // It announces `Authorization`, and brings the set.
    let source = Source::always(Ok(set()));
    let (fetched, hands) = cached(&source);
    let authorizer = Authorizer::new(fetched.clone());
    let uri = Uri::from_static("https://api.example/");
    let headers = HeaderMap::new();
    let known = |extensions: &Extensions| authorizer.credential_headers(&uri, &headers, extensions);
    assert_eq!(known(&Extensions::new()), [AUTHORIZATION]);
    fetched.get().await.unwrap();
    hands.pass(2 * HOUR);
    assert!(fetched.stats().generation.is_none());
    assert_eq!(known(&Extensions::new()), [AUTHORIZATION, KEY, TENANT]);

    let announced = || Cached::new(set());
    let mut extensions = Extensions::new();
    extensions.insert(announced());
    assert_eq!(known(&extensions)[3..], [KEY, TENANT]);
    let mut extensions = Extensions::new();
    extensions.insert(Choices::new().credential("another", announced()));
    assert_eq!(known(&extensions)[3..], [KEY, TENANT]);
}

#[test]
fn one_that_is_announced_leaves_the_request_alone_without_a_fetch() {
    let cached = Cached::new(set());
    let authorizer = Authorizer::new(cached.clone());
    let authorizer = authorizer.origins(["https://api.example"]).unwrap();
    let mut headers = HeaderMap::from_iter([(TENANT, HeaderValue::from_static("b"))]);
    let uri = Uri::from_static(URI);
    let Admission::Carry(mut exchange) = authorizer.admit(&uri, &headers, &Extensions::new())
    else {
        panic!("only attaching looks at all of them");
    };
    let attached = exchange.attach(&Method::GET, &uri, &mut headers);
    assert_eq!(attached.unwrap(), Attached::LeftAlone);
    assert_eq!(headers.len(), 1);
    assert_eq!(cached.stats().fetches, 0);
}
