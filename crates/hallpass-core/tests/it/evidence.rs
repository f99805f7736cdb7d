//! What counts as acceptance of a credential, and what a server demands.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hallpass_core::{
    Authorizer, Cached, Demand, DemandKind,
    adapter::{Admission, Answer, Evidence, Exchange, Hop, Next},
};
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
    header::WWW_AUTHENTICATE,
};

use crate::common::{HOUR, Source, challenges, secs};

const URI: &str = "https://api.example/items";

fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
    all.iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect()
}

/// A request that carries the credential in hand.
fn sent(authorizer: &Authorizer) -> Exchange {
    let uri = Uri::from_static(URI);
    match authorizer.admit(&uri, &HeaderMap::new(), &Extensions::new()) {
        Admission::Carry(mut exchange) => {
            exchange
                .attach(&Method::GET, &uri, &mut HeaderMap::new())
                .unwrap();
            exchange
        }
        other => panic!("{other:?}"),
    }
}

/// With a credential that came after a refusal and that nothing has accepted yet. A refusal of that
/// is kept; once it was accepted, it counts.
async fn on_trial() -> (Authorizer, Cached) {
    let cached = Cached::new(Source::tokens(HOUR));
    let first = cached.get().await.unwrap();
    cached.accept(&first);
    cached.reject(&first, &challenges("Bearer"));
    cached.get().await.unwrap();
    (Authorizer::new(cached.clone()).report_evidence(), cached)
}

/// Whether the engine takes a refusal of the credential in hand seriously.
fn is_proven(cached: &Cached) -> bool {
    let current = cached.try_get().unwrap();
    let before = cached.stats().rejections;
    cached.reject(&current, &challenges("Bearer"));
    cached.stats().rejections > before
}

#[tokio::test(start_paused = true)]
async fn a_success_of_the_apis_own_is_one_and_nothing_else() {
    const GRPC: (&str, &str) = ("content-type", "application/grpc+proto");
    for (status, all, hop, expected) in [
        (200, &[][..], Hop::Sent, true),
        (204, &[], Hop::Sent, true),
        (200, &[], Hop::Followed, true),
        (200, &[GRPC, ("grpc-status", "0")], Hop::Sent, true),
        (200, &[("age", "0")], Hop::Sent, false),
        (200, &[], Hop::Elsewhere, false),
        (200, &[GRPC], Hop::Sent, false),
        (200, &[GRPC, ("grpc-status", "14")], Hop::Sent, false),
        (200, &[GRPC, ("grpc-status", "7")], Hop::Sent, false),
        (302, &[("location", "/login")], Hop::Sent, false),
        (304, &[], Hop::Sent, false),
        (400, &[], Hop::Sent, false),
        (403, &[], Hop::Sent, false),
        (404, &[], Hop::Sent, false),
        (407, &[], Hop::Sent, false),
        (429, &[], Hop::Sent, false),
        (500, &[], Hop::Sent, false),
        (503, &[], Hop::Sent, false),
    ] {
        let (authorizer, cached) = on_trial().await;
        let status = StatusCode::from_u16(status).unwrap();
        let headers = headers(all);
        let answer = Answer::new(status, &headers).from_hop(hop);
        let next = sent(&authorizer).answered(&answer, || true);
        assert!(matches!(next, Next::Return));
        assert_eq!(is_proven(&cached), expected, "{status} {all:?} {hop:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_judged_by_its_end() {
    for (message, trailers, proven, refused) in [
        (false, &[("grpc-status", "0")][..], true, false),
        (true, &[("grpc-status", "14")], true, false),
        (true, &[], true, false),
        (false, &[("grpc-status", "14")], false, false),
        (false, &[], false, false),
        (true, &[("grpc-status", "16")], true, true),
    ] {
        let (authorizer, cached) = on_trial().await;
        let head = headers(&[("content-type", "application/grpc")]);
        let mut exchange = sent(&authorizer);
        exchange.answered(&Answer::new(StatusCode::OK, &head), || true);
        let mut extensions = Extensions::new();
        exchange.report(&mut extensions);
        let mut evidence = extensions.remove::<Evidence>().unwrap();
        if message {
            evidence.message();
            evidence.message();
        }
        let before = cached.stats().rejections;
        evidence.ended(&headers(trailers));
        assert_eq!(cached.stats().rejections > before, refused, "{trailers:?}");
        if !refused {
            assert_eq!(is_proven(&cached), proven, "{message} {trailers:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_head_that_leaves_it_open_brings_evidence() {
    let (authorizer, _) = on_trial().await;
    for (status, all) in [
        (200, &[][..]),
        (
            200,
            &[("content-type", "application/grpc"), ("grpc-status", "0")],
        ),
        (503, &[("content-type", "application/grpc")]),
    ] {
        let mut exchange = sent(&authorizer);
        let headers = headers(all);
        let status = StatusCode::from_u16(status).unwrap();
        exchange.answered(&Answer::new(status, &headers), || true);
        let mut extensions = Extensions::new();
        exchange.report(&mut extensions);
        assert!(extensions.get::<Evidence>().is_none(), "{status} {all:?}");
    }
}

fn demanded(status: u16, challenge: &str) -> Option<Demand> {
    let headers =
        HeaderMap::from_iter([(WWW_AUTHENTICATE, HeaderValue::from_str(challenge).unwrap())]);
    Demand::of(StatusCode::from_u16(status).unwrap(), &headers)
}

#[tokio::test(start_paused = true)]
async fn a_demand_is_found_in_the_response() {
    let (authorizer, cached) = on_trial().await;
    let challenge = r#"Bearer realm="x" error="insufficient_scope", scope="write files:*""#;
    let refusal = headers(&[("www-authenticate", challenge)]);
    for status in [401, 403] {
        for hop in [Hop::Sent, Hop::Elsewhere] {
            let mut exchange = sent(&authorizer);
            let status = StatusCode::from_u16(status).unwrap();
            let answer = Answer::new(status, &refusal).from_hop(hop);
            assert!(matches!(exchange.answered(&answer, || true), Next::Return));
            let mut extensions = Extensions::new();
            exchange.report(&mut extensions);
            let demand = extensions.remove::<Demand>();
            assert_eq!(demand.is_some(), hop == Hop::Sent);
            if let Some(demand) = demand {
                assert_eq!(demand.kind, DemandKind::Scope);
                assert_eq!(demand.scope.as_deref(), Some("write files:*"));
            }
        }
    }
    assert_eq!((cached.stats().rejections, cached.stats().fetches), (1, 2));
}

#[test]
fn every_kind_of_demand_is_read() {
    let demand = demanded(
        401,
        r#"Bearer error="insufficient_user_authentication", acr_values="myACR", max_age="5""#,
    );
    let demand = demand.unwrap();
    assert_eq!(demand.kind, DemandKind::UserAuthentication);
    assert_eq!(demand.acr_values.as_deref(), Some("myACR"));
    assert_eq!(demand.max_age, Some(secs(5)));
    let object = r#"{"access_token":{"nbf":{"essential":true, "value":"1604106651"}}}"#;
    for claims in [
        "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwgInZhbHVlIjoiMTYwNDEwNjY1MSJ9fX0=",
        "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwgInZhbHVlIjoiMTYwNDEwNjY1MSJ9fX0",
    ] {
        let challenge = format!(r#"Bearer error="insufficient_claims", claims="{claims}""#);
        let demand = demanded(401, &challenge).unwrap();
        assert_eq!(demand.kind, DemandKind::Claims);
        assert_eq!(demand.claims.as_deref(), Some(object));
    }
}

#[test]
fn what_is_no_demand_is_none() {
    for challenge in [
        "Bearer",
        r#"Bearer error="invalid_token", scope="write""#,
        r#"Basic error="insufficient_scope""#,
    ] {
        assert_eq!(demanded(403, challenge), None, "{challenge}");
    }
    let challenge = r#"Bearer error="insufficient_scope", scope="write""#;
    assert_eq!(demanded(400, challenge), None);
    let many = "a ".repeat(65);
    for scope in ["\\\"", "caf\u{e9}", " ", many.as_str()] {
        let challenge = format!(r#"Bearer error="insufficient_scope", scope="{scope}""#);
        let demand = demanded(403, &challenge).unwrap();
        assert_eq!(demand.scope, None, "{scope}");
    }
    for claims in ["!!!", "W10=", "e30"] {
        let challenge = format!(r#"Bearer error="insufficient_claims", claims="{claims}""#);
        let claims_read = demanded(401, &challenge).unwrap().claims;
        assert_eq!(claims_read.is_some(), claims == "e30", "{claims}");
    }
}

#[test]
fn claims_of_8_kib_are_read_and_longer_ones_are_not() {
    for (length, is_read) in [(8 * 1024, true), (8 * 1024 + 1, false)] {
        let object = format!(r#"{{"a":"{}"}}"#, "b".repeat(length - 8));
        let claims = BASE64_STANDARD.encode(&object);
        let challenge = format!(r#"Bearer error="insufficient_claims", claims="{claims}""#);
        let read = demanded(401, &challenge).unwrap().claims;
        assert_eq!(read, is_read.then_some(object), "{length}");
    }
}

#[test]
fn scopes_have_limits() {
    for (scope, is_read) in [
        ("e".repeat(4 * 1024), true),
        ("e".repeat(4 * 1024 + 1), false),
        (["a"; 64].join(" "), true),
        (["a"; 65].join(" "), false),
    ] {
        let challenge = format!(r#"Bearer error="insufficient_scope", scope="{scope}""#);
        let read = demanded(403, &challenge).unwrap().scope;
        assert_eq!(read.is_some(), is_read, "{}", scope.len());
    }
}
