//! Where the credential goes, and above all where it does not, in any order of layers.

use std::sync::Arc;

use bytes::Bytes;
use hallpass_core::{Cached, Origin};
use hallpass_tower::{BearerLayer, Error};
use http::{
    Request, Response,
    header::{AUTHORIZATION, LOCATION},
};
use http_body_util::Full;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};
use tower_http::follow_redirect::FollowRedirectLayer;

use crate::common::{self, API, Api, Issuer, api::answer, status, warm};

fn to(uri: &str) -> Request<Full<Bytes>> {
    Request::post(uri).body(Full::default()).unwrap()
}

fn redirect(code: u16, location: &'static str) -> Response<Full<Bytes>> {
    let mut response = answer(code, "");
    let location = location.parse().unwrap();
    response.headers_mut().insert(LOCATION, location);
    response
}

#[tokio::test]
async fn a_configured_origin_is_compared_in_parts() {
    for (uri, expected) in [
        ("https://api.example.com/x", true),
        ("https://api.example.com:443/x?y", true),
        ("https://API.EXAMPLE.COM/x", true),
        ("https://api.example.com:8443/", false),
        ("https://api.example.com./", false),
        ("https://api.example.com.evil.example/", false),
        ("https://example.com/", false),
        ("https://v2.api.example.com/", false),
        ("http://api.example.com/x", false),
        ("http://api.example.com:443/x", false),
        ("http://localhost/", false),
    ] {
        let (layer, cached) = warm(&Issuer::new()).await;
        let api = Api::always(401);
        let response = layer.layer(api.clone()).oneshot(to(uri)).await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(api.seen()[0].is_bearer("token-1"), expected, "{uri}");
        // Another origin's 401 says nothing about our credential.
        let calls = if expected { 2 } else { 1 };
        assert_eq!(
            (api.calls(), cached.stats().rejections),
            (calls, calls as u64 - 1)
        );
    }
}

#[tokio::test]
async fn what_names_our_origin_and_may_not_carry_it_is_refused() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::always(200);
    for uri in ["https://me:secret@api.example.com/", "/origin/form"] {
        let service = layer.layer(api.clone());
        let error = service.oneshot(to(uri)).await.unwrap_err();
        let Error::Credential(error) = error else {
            panic!("{error:?}")
        };
        assert!(error.is_destination() && error.is_permanent(), "{uri}");
        assert!(!error.to_string().contains("secret"));
    }
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn elsewhere_a_request_passes_bare_whatever_it_looks_like() {
    for uri in [
        "https://api.example.com@evil.example/",
        "https://me:secret@evil.example/",
        "ftp://api.example.com/",
        "wss://api.example.com/",
        "api.example.com:443",
        "http://api.example.com/",
    ] {
        let (layer, cached) = warm(&Issuer::new()).await;
        let api = Api::always(401);
        let mut request = to("/");
        *request.uri_mut() = uri.parse().unwrap();
        let response = layer.layer(api.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(api.tokens(), ["none"], "{uri}");
        let stats = cached.stats();
        assert_eq!((stats.withheld, stats.rejections), (1, 0), "{uri}");
    }
}

#[tokio::test]
async fn a_request_without_authority_goes_where_it_was_said_to() {
    let api = Api::always(200);
    let layer = || BearerLayer::new(Issuer::new());
    let bound = layer().at(API).unwrap().layer(api.clone());
    bound.clone().oneshot(to("/items")).await.unwrap();
    // The first one used, as if it had been written out.
    bound
        .clone()
        .oneshot(to("https://api.example.com/x"))
        .await
        .unwrap();
    bound.oneshot(to("https://b.example/")).await.unwrap_err();
    assert_eq!(api.tokens(), ["token-1"; 2]);
    let elsewhere = layer()
        .at("https://b.example")
        .unwrap()
        .origins([API])
        .unwrap();
    elsewhere
        .layer(api.clone())
        .oneshot(to("/items"))
        .await
        .unwrap();
    layer()
        .any_origin()
        .layer(api.clone())
        .oneshot(to("/items"))
        .await
        .unwrap();
    assert_eq!(api.tokens()[2..], ["none", "token-1"]);
    let error = layer().layer(api).oneshot(to("/items")).await.unwrap_err();
    assert!(error.to_string().contains("at(origin)"), "{error}");
    assert!(layer().at("api.example.com").is_err());
}

#[tokio::test]
async fn a_request_with_a_header_of_its_own_binds_nothing_and_fails_nowhere() {
    let issuer = Issuer::new();
    let api = Api::always(200);
    let service = BearerLayer::new(Arc::clone(&issuer)).layer(api.clone());
    for uri in [
        "https://other.example/",
        "http://plain.example/",
        "https://me@third.example/",
        "/origin/form",
    ] {
        let mut own = to(uri);
        let value = "Bearer own".parse().unwrap();
        own.headers_mut().insert(AUTHORIZATION, value);
        service.clone().oneshot(own).await.unwrap();
    }
    service
        .clone()
        .oneshot(to("https://api.example.com/"))
        .await
        .unwrap();
    let mut own = to("https://other.example/");
    own.headers_mut()
        .insert(AUTHORIZATION, "Bearer own".parse().unwrap());
    service.oneshot(own).await.unwrap();
    assert_eq!(api.tokens(), ["own", "own", "own", "own", "token-1", "own"]);
}

#[tokio::test]
async fn plain_http_goes_to_this_machine_only() {
    let issuer = Issuer::new();
    let layer = || BearerLayer::new(Arc::clone(&issuer)).any_origin();
    for uri in [
        "http://localhost:80/",
        "http://127.0.0.1:8080/",
        "http://[::1]/",
    ] {
        let api = Api::always(200);
        layer().layer(api.clone()).oneshot(to(uri)).await.unwrap();
        assert!(api.seen()[0].authorization().is_some(), "{uri}");
    }
    for uri in [
        "http://api.example.com/a?b=c",
        "http://10.0.0.1/",
        "http://localhost.evil.example/",
    ] {
        let api = Api::always(200);
        let error = layer()
            .layer(api.clone())
            .oneshot(to(uri))
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("in the clear") && text.contains("use https"),
            "{text}"
        );
        assert!(
            text.starts_with("http://") && !text.contains("b=c"),
            "{text}"
        );
        assert_eq!(api.calls(), 0);
        let service = layer().dangerously_allow_http().layer(api.clone());
        service.oneshot(to(uri)).await.unwrap();
        assert!(api.seen()[0].authorization().is_some());
    }
}

#[tokio::test]
async fn the_first_origin_used_is_the_only_one() {
    let issuer = Issuer::new();
    let cached = Cached::new(Arc::clone(&issuer));
    let api = Api::always(200);
    let first = BearerLayer::new(cached.clone()).layer(api.clone());
    first
        .clone()
        .oneshot(to("https://a.example/1"))
        .await
        .unwrap();
    first.oneshot(to("https://A.example:443/2")).await.unwrap();
    // Also for another client of the same credential.
    let second = BearerLayer::new(cached.clone()).layer(api.clone());
    let error = second
        .oneshot(to("https://b.example/?key=x"))
        .await
        .unwrap_err();
    let text = error.to_string();
    for part in [
        "https://a.example",
        "https://b.example",
        "first used",
        "configure",
        "origins",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("key"));
    assert!(matches!(error, Error::Credential(error) if error.is_destination()));
    assert_eq!(api.calls(), 2);
    // As it says.
    let both = ["https://a.example", "https://b.example"];
    let layer = BearerLayer::new(cached).origins(both).unwrap();
    layer
        .layer(api.clone())
        .oneshot(to("https://b.example/"))
        .await
        .unwrap();
    assert_eq!(api.tokens(), ["token-1"; 3]);
}

#[tokio::test]
async fn origins_are_given_in_many_ways() {
    let layer = || BearerLayer::new(Issuer::new());
    let text = API.to_owned();
    let origin: Origin = API.parse().unwrap();
    assert!(layer().origins([API]).is_ok());
    assert!(layer().origins([&text]).is_ok());
    assert!(layer().origins(vec![text]).is_ok());
    assert!(layer().origins(Some(origin)).is_ok());
    assert!(layer().origins(Vec::<Origin>::new()).is_err());
    for wrong in [
        "api.example.com",
        "/",
        "ftp://a.example",
        "https://me@a.example",
        "",
    ] {
        let error = layer().origins([wrong]).unwrap_err();
        assert!(error.is_permanent(), "{wrong}");
    }
}

/// Answers a redirect to another origin, as a download's.
fn storage(code: u16) -> Api {
    Api::new(move |seen| match seen.host() {
        "api.example.com" => redirect(code, "https://storage.example/blob"),
        _ => answer(200, "blob"),
    })
}

#[tokio::test]
async fn below_a_redirect_follower_nothing_leaks() {
    for code in [301, 302, 303, 307, 308] {
        let (layer, cached) = warm(&Issuer::new()).await;
        let api = storage(code);
        let service = ServiceBuilder::new()
            .layer(FollowRedirectLayer::new())
            .layer(layer)
            .service(api.clone());
        let response = service
            .oneshot(to("https://api.example.com/file"))
            .await
            .unwrap();
        assert_eq!(response.status(), status(200), "{code}");
        assert_eq!(api.tokens(), ["token-1", "none"], "{code}");
        assert_eq!(cached.stats().rejections, 0);
    }
}

#[tokio::test]
async fn above_a_redirect_follower_nothing_leaks() {
    for code in [301, 302, 303, 307, 308] {
        let (layer, _) = warm(&Issuer::new()).await;
        let api = storage(code);
        let service = ServiceBuilder::new()
            .layer(layer)
            .layer(FollowRedirectLayer::new())
            .service(api.clone());
        let response = service
            .oneshot(to("https://api.example.com/file"))
            .await
            .unwrap();
        assert_eq!(response.status(), status(200), "{code}");
        assert_eq!(api.tokens(), ["token-1", "none"], "{code}");
    }
}

#[tokio::test]
async fn below_a_redirect_follower_with_the_implicit_binding_the_hop_is_an_error() {
    for location in [
        "https://storage.example/",
        "https://api.example.com:8443/",
        "http://api.example.com/",
    ] {
        let api = Api::new(move |_| redirect(302, location));
        let service = ServiceBuilder::new()
            .layer(FollowRedirectLayer::new())
            .layer(BearerLayer::new(Issuer::new()))
            .service(api.clone());
        let error = service
            .oneshot(to("https://api.example.com/file"))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Credential(error) if error.is_destination()));
        assert_eq!(api.calls(), 1);
    }
}

#[tokio::test]
async fn each_hop_is_judged_by_itself() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::new(|seen| match (seen.host(), seen.parts.uri.path()) {
        ("api.example.com", "/1") => redirect(302, "https://b.example/2"),
        ("b.example", "/2") => redirect(302, "https://b.example/3"),
        ("b.example", "/3") => redirect(302, "https://api.example.com:8443/4"),
        ("api.example.com", "/4") => redirect(302, "https://api.example.com/5"),
        _ => answer(200, ""),
    });
    let service = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer(layer)
        .service(api.clone());
    service
        .oneshot(to("https://api.example.com/1"))
        .await
        .unwrap();
    assert_eq!(api.tokens(), ["token-1", "none", "none", "none", "token-1"]);
}

#[tokio::test]
async fn a_refusal_on_a_later_hop_is_healed_there() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::new(|seen| match seen.parts.uri.path() {
        "/old" => redirect(308, "https://api.example.com/new"),
        _ if seen.is_bearer("token-1") => answer(401, ""),
        _ => answer(200, ""),
    });
    let service = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer(layer)
        .service(api.clone());
    let response = service
        .oneshot(to("https://api.example.com/old"))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(api.tokens(), ["token-1", "token-1", "token-2"]);
}

#[tokio::test]
async fn a_body_passes_untouched_to_another_origin() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::always(200);
    let body = common::Frames::many(100, 1024).sized();
    let bytes = body.bytes();
    let request = Request::put("https://storage.example/").body(body).unwrap();
    layer.layer(api.clone()).oneshot(request).await.unwrap();
    assert_eq!(api.seen()[0].body, bytes);
    assert_eq!(api.seen()[0].hint.exact(), Some(bytes.len() as u64));
}
