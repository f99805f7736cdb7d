//! A layer that may be absent: one stack for programs with a credential and without.

use bytes::Bytes;
use hallpass_core::{BoxError, Cached, Credential};
use hallpass_tower::BearerLayer;
use http::{Request, Response};
use http_body_util::{Empty, Full};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, util::option_layer};

use crate::common::{API, Api, Issuer, Seen, get};

fn answers(_: &Seen) -> Response<Full<Bytes>> {
    Response::new(Full::default())
}

fn to(uri: &str) -> Request<Empty<Bytes>> {
    Request::get(uri).body(Empty::new()).unwrap()
}

#[tokio::test]
async fn without_a_source_requests_go_as_they_are() {
    let api = Api::new(answers);
    let service = BearerLayer::optional(None::<Cached>)
        .origins([API])
        .unwrap()
        .layer(api.clone());
    // Plain http to another machine too, which no credential would go along with.
    for uri in [API, "http://elsewhere.example", "/relative"] {
        service.clone().oneshot(to(uri)).await.unwrap();
    }
    let seen = api.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|seen| seen.authorization().is_none()));
}

#[tokio::test]
async fn without_a_source_a_request_may_bring_its_own() {
    let api = Api::new(answers);
    let service = BearerLayer::optional(None::<Cached>).layer(api.clone());
    let mut request = to(API);
    let own = Cached::new(Credential::bearer("own").unwrap());
    request.extensions_mut().insert(own);
    service.oneshot(request).await.unwrap();
    assert!(api.seen()[0].is_bearer("own"));
}

#[tokio::test]
async fn with_a_source_it_is_the_layer() {
    let api = Api::new(answers);
    let service = BearerLayer::optional(Some(Issuer::new())).layer(api.clone());
    service.oneshot(get()).await.unwrap();
    assert!(api.seen()[0].is_bearer("token-1"));
}

#[tokio::test]
async fn the_forms_that_keep_the_type_go_with_option_layer() {
    for is_there in [true, false] {
        let api = Api::new(answers);
        let layer = || is_there.then(|| BearerLayer::new(Issuer::new()));
        let keeping = ServiceBuilder::new()
            .layer(option_layer(layer().map(BearerLayer::keeping_type)))
            .map_err(BoxError::from)
            .service(api.clone());
        let body = Request::get(API).body(Full::<Bytes>::default()).unwrap();
        keeping.oneshot(body).await.unwrap();

        let plain = ServiceBuilder::new()
            .layer(option_layer(
                layer().map(|layer| layer.without_replay().boxed()),
            ))
            .map_err(BoxError::from)
            .service(api.clone());
        plain.oneshot(to(API)).await.unwrap();
        let seen = api.seen();
        assert_eq!(seen.len(), 2);
        assert!(
            seen.iter()
                .all(|seen| seen.is_bearer("token-1") == is_there)
        );
    }
}
