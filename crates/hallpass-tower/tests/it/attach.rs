//! A credential in hand goes on each request, once, and nothing else happens.

use std::time::Duration;

use bytes::Bytes;
use hallpass_core::{Cached, Credential, NoCredential};
use hallpass_tower::BearerLayer;
use http::{HeaderName, HeaderValue, Request, Version, header::AUTHORIZATION};
use http_body_util::Empty;
use tokio_test::{assert_ready_ok, task};
use tower::{Layer as _, Service as _, ServiceExt};

use crate::common::{self, API, Api, Issuer, full, get, post, warm};

#[tokio::test]
async fn the_header_is_there_once_and_sensitive() {
    let (layer, cached) = warm(&Issuer::new()).await;
    let api = Api::always(200);
    let response = layer.layer(api.clone()).oneshot(get()).await.unwrap();
    assert_eq!((response.status(), api.calls()), (common::status(200), 1));
    let seen = &api.seen()[0];
    assert!(seen.is_bearer("token-1"));
    assert!(seen.parts.headers[AUTHORIZATION].is_sensitive());
    // The one wait is that for the first credential.
    assert_eq!((cached.stats().fetches, cached.stats().waits), (1, 1));
}

#[tokio::test]
async fn a_fresh_credential_is_not_waited_for() {
    let (layer, _) = warm(&Issuer::new()).await;
    let mut service = layer.layer(Api::always(200));
    ServiceExt::<Request<Empty<Bytes>>>::ready(&mut service)
        .await
        .unwrap();
    // The inner service answers in one poll, so the whole takes one poll.
    assert_ready_ok!(task::spawn(service.call(get())).poll());
}

#[tokio::test]
async fn the_rest_of_the_request_stays_as_it_was() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::always(200);
    let mut request = post(full("body"));
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().insert("x-one", "1".parse().unwrap());
    request.headers_mut().append("x-one", "2".parse().unwrap());
    request.extensions_mut().insert(7_u8);
    let before = request.uri().clone();
    layer.layer(api.clone()).oneshot(request).await.unwrap();
    let seen = &api.seen()[0];
    assert_eq!(seen.parts.method, "POST");
    assert_eq!(seen.parts.uri, before);
    assert_eq!(seen.parts.version, Version::HTTP_2);
    assert_eq!(seen.parts.headers.get_all("x-one").iter().count(), 2);
    assert_eq!(seen.parts.extensions.get(), Some(&7_u8));
    assert_eq!(seen.body, "body");
    assert_eq!(seen.hint.exact(), Some(4));
}

#[tokio::test]
async fn a_callers_own_header_stays_and_nothing_is_replayed() {
    let issuer = Issuer::new();
    let (layer, cached) = warm(&issuer).await;
    let api = Api::always(401);
    let mut request = get();
    let own = HeaderValue::from_static("Basic bWU6bWU=");
    request.headers_mut().insert(AUTHORIZATION, own);
    let response = layer.layer(api.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(api.calls(), 1);
    assert_eq!(api.seen()[0].authorization(), Some("Basic bWU6bWU="));
    let stats = cached.stats();
    assert_eq!(
        (stats.rejections, stats.replays, issuer.fetches()),
        (0, 0, 1)
    );
}

#[tokio::test]
async fn overriding_replaces_every_header_of_the_callers() {
    let (layer, cached) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let mut request = get();
    let headers = request.headers_mut();
    headers.append(AUTHORIZATION, "Bearer stale-1".parse().unwrap());
    headers.append(AUTHORIZATION, "Bearer stale-2".parse().unwrap());
    let service = layer.override_existing().layer(api.clone());
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(api.tokens(), ["token-1", "token-2"]);
    assert_eq!(cached.stats().replays, 1);
}

#[tokio::test]
async fn the_first_requests_wait_for_one_fetch() {
    tokio::time::pause();
    let issuer = Issuer::new();
    issuer.takes(Duration::from_secs(2));
    let layer = BearerLayer::new(std::sync::Arc::clone(&issuer));
    let api = Api::always(200);
    let service = layer.layer(api.clone());
    let (one, two) = tokio::join!(
        service.clone().oneshot(get()),
        service.clone().oneshot(post(full("2"))),
    );
    assert_eq!(
        (one.unwrap().status(), two.unwrap().status()),
        (common::status(200), common::status(200))
    );
    assert_eq!(issuer.fetches(), 1);
    assert_eq!(api.tokens(), ["token-1", "token-1"]);
}

#[tokio::test]
async fn headers_beside_the_credential_are_renewed_with_it() {
    let beside = HeaderName::from_static("x-tenant");
    let key = Credential::header(HeaderName::from_static("x-api-key"), "key-1").unwrap();
    let key = key
        .never_expires()
        .with_header(beside, HeaderValue::from_static("t"));
    let api = Api::always(200);
    let service = BearerLayer::new(key).layer(api.clone());
    service.clone().oneshot(get()).await.unwrap();
    let mut own = get();
    own.headers_mut()
        .insert("x-tenant", "mine".parse().unwrap());
    service.clone().oneshot(own).await.unwrap();
    let seen = api.seen();
    assert_eq!(seen[0].parts.headers["x-api-key"], "key-1");
    assert!(seen[0].parts.headers["x-api-key"].is_sensitive());
    assert_eq!(seen[0].parts.headers["x-tenant"], "t");
    assert_eq!(seen[1].parts.headers["x-tenant"], "mine");
    assert_eq!(seen[1].authorization(), None);
}

#[tokio::test]
async fn a_request_can_do_without_or_bring_its_own_credential() {
    let (layer, cached) = warm(&Issuer::new()).await;
    let api = Api::always(401);
    let service = layer.layer(api.clone());
    let mut without = get();
    without.extensions_mut().insert(NoCredential);
    let response = service.clone().oneshot(without).await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!((api.calls(), cached.stats().rejections), (1, 0));

    let own = Cached::new(Credential::bearer("tenant").unwrap().never_expires());
    let mut other = get();
    other.extensions_mut().insert(own.clone());
    service.oneshot(other).await.unwrap();
    assert_eq!(api.tokens(), ["none", "tenant"]);
    // A static key stays, whatever a server says.
    assert_eq!((own.stats().rejections, cached.stats().rejections), (0, 0));
}

#[tokio::test]
async fn a_credential_that_ended_is_never_sent() {
    tokio::time::pause();
    let issuer = Issuer::new();
    let (layer, _) = warm(&issuer).await;
    let api = Api::always(200);
    tokio::time::advance(Duration::from_secs(3600)).await;
    let request = Request::get(format!("{API}/late")).body(full("")).unwrap();
    layer.layer(api.clone()).oneshot(request).await.unwrap();
    assert_eq!(api.tokens(), ["token-2"]);
}
