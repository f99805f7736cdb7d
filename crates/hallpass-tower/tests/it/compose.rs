//! The layer in the stacks that it is made for; most of this is about what compiles.

use std::{
    convert::Infallible,
    marker::PhantomData,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes};
use hallpass_core::{Authorizer, BoxError, Cached, Credential};
use hallpass_tower::{BearerLayer, BearerService, Error, ReplayBody};
use http::{HeaderName, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use tower::{
    Layer as _, Service, ServiceBuilder, ServiceExt as _,
    util::{BoxCloneService, BoxCloneSyncService},
};

use crate::common::{API, Api, Broken, Frames, Issuer, full, get, post, warm};

/// A client whose body is its type parameter, bounded as a connection pool's.
struct Pool<B>(Api, PhantomData<fn(B)>);

impl<B> Clone for Pool<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<B> Service<Request<B>> for Pool<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError> + std::fmt::Display,
{
    type Response = Response<Full<Bytes>>;
    type Error = Broken;
    type Future = <Api as Service<Request<B>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Service::<Request<B>>::poll_ready(&mut self.0, context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.0.call(request)
    }
}

fn pool<B>(api: &Api) -> Pool<B> {
    Pool(api.clone(), PhantomData)
}

#[tokio::test]
async fn the_pools_body_is_inferred_from_the_request() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let mut client = ServiceBuilder::new().layer(layer).service(pool(&api));
    let request = post(full("inferred"));
    let response = client.ready().await.unwrap().call(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let _: BearerService<Pool<ReplayBody<Full<Bytes>>>> = client;
}

#[tokio::test]
async fn without_replay_the_body_is_the_pools_own() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-1");
    let client: Pool<Full<Bytes>> = pool(&api);
    let mut client = ServiceBuilder::new()
        .layer(layer.without_replay())
        .service(client);
    let request = post(full("as it is"));
    let response = client.ready().await.unwrap().call(request).await.unwrap();
    assert_eq!(response.status(), 200);
}

/// As an SDK would return it.
fn sdk(
    layer: BearerLayer,
    api: &Api,
) -> impl Service<
    Request<Full<Bytes>>,
    Response = Response<Full<Bytes>>,
    Error = Error<Broken>,
    Future: Send,
> + Clone
+ Send
+ use<> {
    ServiceBuilder::new().layer(layer).service(pool(api))
}

#[tokio::test]
async fn behind_an_opaque_type_and_in_a_box() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let client = sdk(layer.clone(), &api);
    let response = tokio::spawn(client.clone().oneshot(post(full("opaque"))));
    assert_eq!(response.await.unwrap().unwrap().status(), 200);
    let boxed = BoxCloneService::new(client);
    assert_eq!(
        boxed.oneshot(post(full("boxed"))).await.unwrap().status(),
        200
    );
    let boxed: BoxCloneSyncService<Request<UnsyncBoxBody<Bytes, BoxError>>, _, _> =
        BoxCloneSyncService::new(layer.layer(api.clone()));
    let body = Frames::many(2, 2).boxed_unsync();
    assert_eq!(boxed.oneshot(post(body)).await.unwrap().status(), 200);
}

#[tokio::test]
async fn in_functions_that_are_generic_themselves() {
    async fn send<S, B, R>(service: S, body: B) -> u16
    where
        S: Service<Request<ReplayBody<B>>, Response = Response<R>, Error: std::fmt::Debug> + Clone,
        B: Body<Error: Into<BoxError>> + Unpin + 'static,
        R: Body,
    {
        let (layer, _) = warm(&Issuer::new()).await;
        let response = layer.layer(service).oneshot(post(body)).await;
        response.unwrap().status().as_u16()
    }
    let api = Api::accepting("token-2");
    assert_eq!(send(api.clone(), full("generic")).await, 200);
    assert_eq!(send(api.clone(), "a string".to_owned()).await, 200);
    assert_eq!(send(api.clone(), Box::new(Frames::many(1, 1))).await, 200);
    assert_eq!(
        send(api.clone(), http_body_util::Empty::<&[u8]>::new()).await,
        200
    );
    assert_eq!(api.seen()[3].body, "a string");
}

#[tokio::test]
async fn data_that_is_no_bytes_is_carried_over() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let body = Full::new(b"front ".chain(&b"and back"[..]));
    let response = layer.layer(api.clone()).oneshot(post(body)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(api.seen().iter().all(|seen| seen.body == "front and back"));
}

#[tokio::test]
async fn two_credentials_on_one_request() {
    let key = HeaderName::from_static("x-api-key");
    let key = Credential::header(key, "key").unwrap().never_expires();
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let service = ServiceBuilder::new()
        .layer(BearerLayer::new(key).origins([API]).unwrap())
        .layer(layer)
        .service(api.clone());
    let response = service.oneshot(post(full("both"))).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(api.tokens(), ["token-1", "token-2"]);
    for seen in api.seen() {
        assert_eq!(
            (&seen.parts.headers["x-api-key"], &seen.body[..]),
            (&"key".parse().unwrap(), &b"both"[..])
        );
    }
}

#[tokio::test]
async fn among_other_layers() {
    let (layer, _) = warm(&Issuer::new()).await;
    let client = tower::service_fn(async |request: Request<ReplayBody<Full<Bytes>>>| {
        let body = request.into_body().collect().await.unwrap();
        Ok::<_, Infallible>(Response::new(Full::new(body.to_bytes())))
    });
    let service = ServiceBuilder::new()
        .timeout(Duration::from_secs(5))
        .concurrency_limit(3)
        .layer(layer)
        .map_response(|response: Response<Full<Bytes>>| response)
        .service(client);
    let response = service.oneshot(post(full("through"))).await.unwrap();
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "through"
    );
}

#[tokio::test]
async fn rules_that_are_shared_by_several_adapters() {
    let cached = Cached::new(Issuer::new());
    let rules = Authorizer::new(cached.clone()).origins([API]).unwrap();
    let api = Api::always(200);
    for layer in [BearerLayer::with(rules.clone()), BearerLayer::with(rules)] {
        layer.layer(api.clone()).oneshot(get()).await.unwrap();
    }
    assert_eq!((api.tokens().len(), cached.stats().fetches), (2, 1));
}
