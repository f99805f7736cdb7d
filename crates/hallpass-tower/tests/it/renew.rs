//! A refused credential: one renewal, one replay, and the answers that are none of that.

use std::{sync::Arc, time::Duration};

use hallpass_core::{Credential, Error};
use hallpass_tower::{BearerLayer, ReplayBody};
use http::{HeaderValue, Method, Request, Version, header::AUTHORIZATION};
use http_body_util::BodyExt as _;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::common::{API, Api, Broken, Issuer, Seen, api::answer, full, get, post, status, warm};

#[tokio::test]
async fn the_replay_is_the_same_request_with_another_credential() {
    let issuer = Issuer::new();
    let (layer, cached) = warm(&issuer).await;
    let api = Api::accepting("token-2");
    let mut secret = HeaderValue::from_static("session=1");
    secret.set_sensitive(true);
    let mut request = Request::builder()
        .method(Method::from_bytes(b"PURGE").unwrap())
        .uri(format!("{API}/a%20b?c=d&e"))
        .version(Version::HTTP_2)
        .header("accept", "a")
        .header("accept", "b")
        .header("x-odd", HeaderValue::from_bytes(b"\xE4\t\"").unwrap())
        .header("cookie", secret)
        .body(full("the very bytes"))
        .unwrap();
    request.extensions_mut().insert("kept");

    let response = layer.layer(api.clone()).oneshot(request).await.unwrap();

    assert_eq!(response.status(), 200);
    let [first, again]: [Seen; 2] = api.seen().try_into().unwrap();
    assert!(first.is_bearer("token-1") && again.is_bearer("token-2"));
    let without = |seen: &Seen| {
        let mut headers = seen.parts.headers.clone();
        assert!(headers.remove(AUTHORIZATION).unwrap().is_sensitive());
        headers
    };
    assert_eq!(without(&first), without(&again));
    assert!(again.parts.headers["cookie"].is_sensitive());
    assert!(!again.parts.headers["accept"].is_sensitive());
    assert_eq!(first.parts.method, again.parts.method);
    assert_eq!(first.parts.uri, again.parts.uri);
    assert_eq!(first.parts.version, again.parts.version);
    assert_eq!(again.parts.extensions.get(), Some(&"kept"));
    assert_eq!(first.body, again.body);
    assert_eq!(
        (first.hint.exact(), again.hint.exact()),
        (Some(14), Some(14))
    );
    let stats = cached.stats();
    assert_eq!((stats.fetches, stats.rejections, stats.replays), (2, 1, 1));
}

#[tokio::test]
async fn the_answer_to_the_replay_is_returned_whatever_it_is() {
    for code in [200, 204, 301, 400, 403, 404, 407, 419, 500, 503] {
        let (layer, _) = warm(&Issuer::new()).await;
        let api =
            Api::new(move |seen| answer(if seen.is_bearer("token-1") { 401 } else { code }, ""));
        let response = layer.layer(api.clone()).oneshot(get()).await.unwrap();
        assert_eq!((response.status(), api.calls()), (status(code), 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_rejection_is_returned_and_spaces_out_what_follows() {
    let issuer = Issuer::new();
    let (layer, _) = warm(&issuer).await;
    let api = Api::always(401);
    let service = layer.layer(api.clone());
    let send = async || service.clone().oneshot(get()).await.unwrap().status();

    assert_eq!(send().await, 401);
    assert_eq!((api.calls(), issuer.fetches()), (2, 2));
    // Within the gap the credential is kept: no fetch, no replay.
    for _ in 0..5 {
        assert_eq!(send().await, 401);
    }
    assert_eq!((api.calls(), issuer.fetches()), (7, 2));
    // Once it has had its time to settle there is one more try, and then none for as long.
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(send().await, 401);
    assert_eq!((api.calls(), issuer.fetches()), (9, 3));
    tokio::time::advance(Duration::from_millis(1001)).await;
    assert_eq!(send().await, 401);
    assert_eq!((api.calls(), issuer.fetches()), (10, 3));
}

#[tokio::test(start_paused = true)]
async fn an_accepted_replay_ends_the_spacing_out() {
    let issuer = Issuer::new();
    let (layer, cached) = warm(&issuer).await;
    let revoked = Arc::new(std::sync::Mutex::new("Bearer token-1".to_owned()));
    let refuse = Arc::clone(&revoked);
    let api = Api::new(move |seen| {
        let refused = seen.authorization() == Some(&refuse.lock().unwrap());
        answer(if refused { 401 } else { 200 }, "")
    });
    let service = layer.layer(api.clone());
    for generation in 1..=4 {
        *revoked.lock().unwrap() = format!("Bearer token-{generation}");
        let response = service.clone().oneshot(post(full("x"))).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    assert_eq!((cached.stats().rejections, cached.stats().replays), (4, 4));
    assert_eq!((api.calls(), issuer.fetches()), (8, 5));
}

#[tokio::test]
async fn answers_that_say_nothing_about_the_credential_are_returned() {
    for (code, header) in [
        (
            400,
            Some(("www-authenticate", "Bearer error=\"invalid_request\"")),
        ),
        (
            401,
            Some((
                "www-authenticate",
                "Bearer error=\"insufficient_scope\", scope=\"a\"",
            )),
        ),
        (
            401,
            Some((
                "www-authenticate",
                "Bearer error=\"insufficient_user_authentication\"",
            )),
        ),
        (401, Some(("grpc-status", "7"))),
        (403, None),
        (
            403,
            Some(("www-authenticate", "Bearer error=\"insufficient_scope\"")),
        ),
        (407, Some(("proxy-authenticate", "Bearer"))),
        (419, None),
        (200, Some(("grpc-status", "7"))),
        (200, Some(("grpc-status", "0"))),
        (302, Some(("location", "https://elsewhere.example/"))),
        (500, None),
    ] {
        let issuer = Issuer::new();
        let (layer, cached) = warm(&issuer).await;
        let api = Api::new(move |_| with(code, header));
        let response = layer.layer(api.clone()).oneshot(get()).await.unwrap();
        assert_eq!(response.status(), status(code), "{code} {header:?}");
        assert_eq!((api.calls(), issuer.fetches()), (1, 1), "{code} {header:?}");
        assert_eq!(cached.stats().rejections, 0);
    }
}

fn with(
    code: u16,
    header: Option<(&'static str, &'static str)>,
) -> http::Response<http_body_util::Full<bytes::Bytes>> {
    let mut response = answer(code, "");
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

#[tokio::test]
async fn refusals_are_replayed() {
    for (code, header) in [
        (401, None),
        (401, Some(("www-authenticate", "Bearer"))),
        (
            401,
            Some(("www-authenticate", "Bearer error=\"invalid_token\"")),
        ),
        (401, Some(("www-authenticate", "Negotiate"))),
        (200, Some(("grpc-status", "16"))),
    ] {
        let (layer, cached) = warm(&Issuer::new()).await;
        let api = Api::new(move |seen| {
            if seen.is_bearer("token-1") {
                with(code, header)
            } else {
                answer(200, "fine")
            }
        });
        let service = layer.layer(api.clone());
        let response = service.oneshot(post(full("message"))).await.unwrap();
        assert!(!response.headers().contains_key("grpc-status"));
        assert_eq!(api.tokens(), ["token-1", "token-2"], "{code} {header:?}");
        assert_eq!(api.seen()[1].body, "message");
        assert_eq!(cached.stats().replays, 1);
    }
}

#[tokio::test]
async fn a_predicate_can_name_other_refusals() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::new(|seen| answer(if seen.is_bearer("token-1") { 419 } else { 200 }, ""));
    let layer = layer.rejected_when(|status, _| status == 419);
    let response = layer.layer(api.clone()).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(api.tokens(), ["token-1", "token-2"]);
}

#[tokio::test]
async fn without_replay_the_refusal_is_returned_and_the_next_call_fares_better() {
    let issuer = Issuer::new();
    let (layer, cached) = warm(&issuer).await;
    let api = Api::accepting("token-2");
    let service = layer.without_replay().layer(api.clone());
    let refused = service.clone().oneshot(post(full("x"))).await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!((api.calls(), issuer.fetches()), (1, 1));
    assert_eq!((cached.stats().rejections, cached.stats().replays), (1, 0));
    let fine = service.oneshot(post(full("x"))).await.unwrap();
    assert_eq!(fine.status(), 200);
}

#[tokio::test]
async fn without_another_credential_the_caller_gets_its_answer() {
    let issuer = Issuer::new();
    let (layer, _) = warm(&issuer).await;
    let api = Api::new(|_| answer(401, "who are you?"));
    issuer.fails(Error::permanent("invalid_client").context("the token endpoint refused us"));
    let response = layer.layer(api.clone()).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 401);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "who are you?");
    assert_eq!((api.calls(), issuer.fetches()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn without_a_first_credential_nothing_is_sent() {
    let issuer = Issuer::new();
    issuer.fails(Error::transient("connection reset"));
    let api = Api::always(200);
    let service = BearerLayer::new(Arc::clone(&issuer)).layer(api.clone());
    let error = service.oneshot(get()).await.unwrap_err();
    assert!(matches!(error, hallpass_tower::Error::Credential(ref error) if error.is_transient()));
    assert_eq!(api.calls(), 0);
    assert!(
        issuer.fetches() > 1,
        "it was tried for as long as patience lasts"
    );
}

#[tokio::test]
async fn a_static_key_that_is_refused_is_not_sent_twice() {
    let key = Credential::bearer("for-ever").unwrap().never_expires();
    let api = Api::always(401);
    let service = BearerLayer::new(key).layer(api.clone());
    for calls in 1..=3 {
        let response = service.clone().oneshot(get()).await.unwrap();
        assert_eq!((response.status(), api.calls()), (status(401), calls));
        let body = http_body_util::BodyExt::collect(response.into_body()).await;
        assert_eq!(body.unwrap().to_bytes(), "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_refusal_of_an_old_credential_costs_no_fetch() {
    let issuer = Issuer::new();
    let (layer, _) = warm(&issuer).await;
    let api = Api::accepting("token-2");
    let service = layer.layer(api.clone());
    api.takes(Duration::from_secs(5));
    let late = tokio::spawn(service.clone().oneshot(post(full("late"))));
    tokio::task::yield_now().await;
    api.takes(Duration::ZERO);
    assert_eq!(service.clone().oneshot(get()).await.unwrap().status(), 200);
    assert_eq!(issuer.fetches(), 2);
    assert_eq!(late.await.unwrap().unwrap().status(), 200);
    assert_eq!(issuer.fetches(), 2);
    assert_eq!(api.tokens(), ["token-1", "token-2", "token-1", "token-2"]);
}

#[tokio::test]
async fn an_inner_error_is_returned_as_it_is_the_first_time_and_the_second() {
    for broken in ["Bearer token-1", "Bearer token-2"] {
        let (layer, cached) = warm(&Issuer::new()).await;
        let service = layer.layer(service_fn(move |request: Request<ReplayBody<_>>| {
            let broken = request.headers()[AUTHORIZATION] == broken;
            async move {
                if broken {
                    Err(Broken("reset".to_owned()))
                } else {
                    Ok(answer(401, ""))
                }
            }
        }));
        let error = service.oneshot(post(full("x"))).await.unwrap_err();
        assert_eq!(error.into_inner(), Some(Broken("reset".to_owned())));
        let stats = cached.stats();
        assert_eq!(stats.rejections, stats.replays);
    }
}
