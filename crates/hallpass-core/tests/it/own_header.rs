//! Requests that come with a header of the credential's own.

use hallpass_core::{Authorizer, Cached, Credential};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, header::AUTHORIZATION};

use crate::common::{
    HOUR, Source,
    protocol::{BARE, OK, engine, send, send_with},
};

#[tokio::test(start_paused = true)]
async fn the_callers_own_header_stays_unless_told_otherwise() {
    let own = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer own"))]);
    let (authorizer, source) = engine();
    let outcome = send(&authorizer, &own, true, |_, _| BARE).await.unwrap();
    assert_eq!(outcome.status, 401);
    assert_eq!(outcome.sent, [Some("Bearer own".to_owned())]);
    assert_eq!((source.fetches(), outcome.attempt), (0, None));

    let authorizer = authorizer.override_existing();
    let outcome = send(&authorizer, &own, true, |n, _| [BARE, OK][n - 1]).await;
    let expected = ["Bearer token-1", "Bearer token-2"].map(|one| Some(one.to_owned()));
    assert_eq!(outcome.unwrap().sent, expected);
}

#[tokio::test(start_paused = true)]
async fn all_values_of_the_callers_own_stay_in_their_order_and_place() {
    let (authorizer, _) = engine();
    let name = HeaderName::from_static("x-other");
    let mut own = HeaderMap::new();
    for (name, value) in [
        (&AUTHORIZATION, "Basic eDp5"),
        (&name, "one"),
        (&AUTHORIZATION, "Bearer own"),
        (&AUTHORIZATION, ""),
    ] {
        own.append(name, HeaderValue::from_static(value));
    }
    let cold = sent(&authorizer, &own).await;
    send(&authorizer, &HeaderMap::new(), true, |_, _| OK)
        .await
        .unwrap();
    for sent in [cold, sent(&authorizer, &own).await] {
        let (sent, own): (Vec<_>, Vec<_>) = (sent.iter().collect(), own.iter().collect());
        assert_eq!(sent, own);
    }
}

async fn sent(authorizer: &Authorizer, headers: &HeaderMap) -> HeaderMap {
    let mut sent = HeaderMap::new();
    let mut ask = |headers: &HeaderMap| {
        sent = headers.clone();
        (StatusCode::OK, HeaderMap::new())
    };
    let none = Extensions::new();
    let sending = send_with(authorizer, headers, &none, true, &mut ask);
    sending.await.unwrap();
    sent
}

#[tokio::test(start_paused = true)]
async fn another_header_of_the_callers_is_no_reason_to_leave_it_alone() {
    let name = HeaderName::from_static("x-api-key");
    let key = Credential::header(name.clone(), "k1")
        .unwrap()
        .never_expires();
    let authorizer = Authorizer::new(key);
    let own = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Basic eDp5"))]);
    let outcome = send(&authorizer, &own, true, |_, headers| {
        assert_eq!(headers[&name], "k1");
        assert!(headers[&name].is_sensitive());
        OK
    });
    outcome.await.unwrap();
    let own = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static("mine"))]);
    let outcome = send(&authorizer, &own, true, |_, headers| {
        assert_eq!(headers[&name], "mine");
        OK
    });
    outcome.await.unwrap();
}

/// A source that announces `Authorization` and brings a key and a tenant in headers of their own.
fn set() -> Cached {
    let key = Credential::header(HeaderName::from_static("x-api-key"), "ours").unwrap();
    let set = key.lives_for(HOUR).with_header(
        HeaderName::from_static("x-tenant"),
        HeaderValue::from_static("a"),
    );
    Cached::new(Source::always(Ok(set)))
}

#[tokio::test(start_paused = true)]
async fn one_header_of_the_set_of_the_callers_own_leaves_the_request_alone() {
    let cached = set();
    let authorizer = Authorizer::new(cached.clone());
    for _ in ["cold", "warm"] {
        for name in ["authorization", "x-api-key", "x-tenant"] {
            let own = (
                HeaderName::from_static(name),
                HeaderValue::from_static("mine"),
            );
            let given = HeaderMap::from_iter([own]);
            let outcome = send(&authorizer, &given, true, |_, headers| {
                assert_eq!(*headers, given, "{name}");
                BARE
            });
            let outcome = outcome.await.unwrap();
            assert_eq!((outcome.sent.len(), outcome.attempt), (1, None));
        }
        assert_eq!(cached.stats().rejections, 0);
        cached.get().await.unwrap();
    }
    let authorizer = authorizer.override_existing();
    let own = HeaderMap::from_iter([(
        HeaderName::from_static("x-tenant"),
        HeaderValue::from_static("b"),
    )]);
    let outcome = send(&authorizer, &own, true, |_, headers| {
        assert_eq!(
            (&headers["x-api-key"], &headers["x-tenant"]),
            (
                &HeaderValue::from_static("ours"),
                &HeaderValue::from_static("a")
            )
        );
        assert!(headers["x-tenant"].is_sensitive());
        OK
    });
    outcome.await.unwrap();
}
