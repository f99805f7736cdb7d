//! A testkit server, and the stack of the README in front of it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use bytes::Bytes;
use hallpass::{BearerLayer, Cached, ClientCredentials, Policy};
use hallpass_testkit::Server;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tower::{Service, ServiceBuilder, ServiceExt as _};

pub const SECRET: &str = "s3cret-that-nobody-may-see";

pub async fn server() -> Server {
    Server::builder().client("client", SECRET).start().await
}

pub fn source(server: &Server) -> Cached {
    let source = ClientCredentials::at(server.token_url())
        .basic("client", SECRET)
        .build(hallpass::hyper::transport().unwrap())
        .unwrap();
    // A second attempt would tell of a busy machine.
    let policy = Policy::default().hedge_after(Duration::from_secs(60));
    Cached::builder(source).policy(policy).build()
}

/// Sends one request through a client of its own.
pub async fn send<B>(cached: &Cached, request: Request<B>) -> Response<Bytes>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<hallpass::BoxError>,
{
    let client = ServiceBuilder::new()
        .layer(BearerLayer::new(cached.clone()).report_attempts())
        .service(hallpass::hyper::client().unwrap());
    collect(client.oneshot(request).await.unwrap()).await
}

pub async fn collect(response: Response<Incoming>) -> Response<Bytes> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response::from_parts(parts, body)
}

pub fn post(url: String, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(url).body(Full::new(body.into())).unwrap()
}

/// Calls a service again and again, as a client does.
pub async fn call<S, R>(service: &mut S, request: R) -> Result<S::Response, S::Error>
where
    S: Service<R>,
{
    service.ready().await?.call(request).await
}
