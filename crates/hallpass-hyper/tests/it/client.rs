//! The client as a tower service.

use std::{
    convert::Infallible,
    error::Error as _,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hallpass_hyper::{Builder, Client, Error};
use hallpass_testkit::{ClosedPort, Server};
use http::{Request, Response, Version};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Empty, Full, combinators::BoxBody};
use hyper::body::Incoming;
use tokio::io::AsyncReadExt as _;
use tower::{Layer, Service, ServiceBuilder, ServiceExt as _};

use crate::common::{LONG, SHORT, eventually, scripted};

fn get(url: &str) -> Request<Empty<Bytes>> {
    Request::get(url).body(Empty::new()).unwrap()
}

/// Wraps each request's body, as a layer that replays does.
#[derive(Clone)]
struct Wrapping;

#[derive(Clone)]
struct Wrapped<S>(S);

struct Kept<B>(B);

impl<S> Layer<S> for Wrapping {
    type Service = Wrapped<S>;

    fn layer(&self, inner: S) -> Wrapped<S> {
        Wrapped(inner)
    }
}

impl<S, B> Service<Request<B>> for Wrapped<S>
where
    S: Service<Request<Kept<B>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        self.0.call(request.map(Kept))
    }
}

impl<B: Body + Unpin> Body for Kept<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.size_hint()
    }
}

#[tokio::test]
async fn the_body_type_follows_from_use() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::start().await;
    let mut plain = hallpass_hyper::client()?;
    let response = plain.ready().await?.call(get(&server.url())).await?;
    assert_eq!(response.status(), 401);

    let mut layered = ServiceBuilder::new()
        .layer(Wrapping)
        .service(hallpass_hyper::client()?);
    let request = Request::post(server.url()).body(Full::<Bytes>::from("some"))?;
    let response = layered.ready().await?.call(request).await?;
    assert_eq!(response.status(), 401);
    assert_eq!(server.journal().entries()[1].body, "some");
    Ok(())
}

#[test]
fn everything_is_what_stacks_ask_for() {
    fn stackable<T: Clone + Send + Sync + Unpin + fmt::Debug + 'static>() {}
    fn service<S, B>()
    where
        S: Service<Request<B>, Response = Response<Incoming>, Error = Error>,
        S::Future: Send + 'static,
    {
    }
    fn error<E: std::error::Error + Send + Sync + 'static>() {}
    stackable::<Client<Full<Bytes>>>();
    stackable::<Client<BoxBody<Bytes, Infallible>>>();
    stackable::<Builder>();
    stackable::<hallpass_hyper::HyperTransport>();
    service::<Client<Full<Bytes>>, _>();
    error::<Error>();
}

#[tokio::test]
async fn a_thousand_bytes_come_and_go_over_http2_by_prior_knowledge() {
    let server = Server::start().await;
    let body = vec![b'x'; 1000];
    server.api().respond_next(1, 200, &[], body.clone());
    let client = Builder::new().http2_only().client().unwrap();
    let request = Request::post(server.url())
        .body(Full::new(Bytes::from(body.clone())))
        .unwrap();
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    let got = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(got, body);
    assert_eq!(server.journal().entries()[0].body, body);
}

/// As a gateway gets it from its callers.
#[tokio::test]
async fn the_version_is_the_connections_but_for_grpc() {
    let server = Server::start().await;
    let client: Client<Full<Bytes>> = hallpass_hyper::client().unwrap();
    let http2 = || Request::post(server.url()).version(Version::HTTP_2);
    for content in ["text/plain", "application/grpc-web+proto"] {
        let request = http2().header("content-type", content);
        let request = request.header("cookie", "a=1").header("cookie", "b=2");
        let request = request.body(Full::from("some")).unwrap();
        let answer = client.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.version(), Version::HTTP_11);
    }
    for entry in server.journal().api() {
        let cookies: Vec<_> = entry.headers.get_all("cookie").iter().collect();
        assert_eq!(cookies, ["a=1; b=2"]);
    }

    let grpc = http2().header("content-type", "application/grpc+proto");
    let request = grpc.body(Full::from("some")).unwrap();
    assert!(client.oneshot(request).await.is_err());
    assert_eq!(server.journal().api_requests(), 2);
}

#[tokio::test]
async fn a_redirect_comes_back_as_an_answer() {
    let server = Server::start().await;
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = [("location", "/elsewhere")];
        server.api().respond_next(1, status, &elsewhere, "moved");
        let client = hallpass_hyper::client().unwrap();
        let response = client.oneshot(get(&server.url())).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
    }
    assert_eq!(server.journal().api_requests(), 5);
}

#[tokio::test]
async fn connections_are_shared_and_closed_ones_replaced() {
    let server = Server::start().await;
    let client = hallpass_hyper::client().unwrap();
    for _ in 0..3 {
        let response = client.clone().oneshot(get(&server.url())).await.unwrap();
        response.into_body().collect().await.unwrap();
    }
    assert_eq!(server.connections(), 1);
    server.close_idle();
    // A request may cross with the news of it.
    let replaced = async {
        while server.connections() < 2 {
            let _ = client.clone().oneshot(get(&server.url())).await;
        }
    };
    tokio::time::timeout(LONG, replaced).await.unwrap();
    assert!(client.oneshot(get(&server.url())).await.is_ok());
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn what_a_server_may_have_acted_on_is_not_sent_again() {
    let server = Server::start().await;
    let client = hallpass_hyper::client().unwrap();
    let response = client.clone().oneshot(get(&server.url())).await.unwrap();
    response.into_body().collect().await.unwrap();
    server.api().hang_up_next(1);
    let error = client.oneshot(get(&server.url())).await.unwrap_err();
    assert!(!error.is_connect() && !error.is_timeout());
    assert_eq!(server.journal().api_requests(), 2);
}

#[tokio::test]
async fn the_head_of_the_answer_has_a_deadline() {
    let server = Server::start().await;
    let client = Builder::new().request_timeout(SHORT).client().unwrap();
    let response = client.clone().oneshot(get(&server.url())).await;
    assert_eq!(response.unwrap().status(), 401);

    let hold = server.api().hold();
    let error = client.oneshot(get(&server.url())).await.unwrap_err();
    assert!(error.is_timeout() && !error.is_connect());
    assert_eq!(error.to_string(), "no response in time");
    eventually(|| hold.waiting() == 0).await;
}

#[tokio::test]
async fn connecting_has_a_deadline() {
    let silent = scripted(|_, mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let client = Builder::new().connect_timeout(SHORT).client().unwrap();
    let call = client.oneshot(get(&format!("https://{silent}")));
    let error = tokio::time::timeout(LONG, call).await.unwrap().unwrap_err();
    assert!(error.is_timeout() && error.is_connect());
    assert_eq!(error.to_string(), "no connection in time");
    assert!(error.source().is_some());
}

#[tokio::test]
async fn an_error_says_what_it_is_and_keeps_its_source() {
    let closed = ClosedPort::reserve();
    let url = format!("{}/?q", closed.url());
    let client = hallpass_hyper::client().unwrap();
    let error = client.clone().oneshot(get(&url)).await.unwrap_err();
    assert!(error.is_connect() && !error.is_timeout());
    assert_eq!(error.to_string(), "no connection");
    let sources = std::iter::successors(error.source(), |&error| error.source());
    let refused = |error: &(dyn std::error::Error + 'static)| {
        error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
    };
    assert!(sources.into_iter().any(refused), "{error:?}");

    let relative = client.oneshot(get("/without/authority")).await;
    let error = relative.unwrap_err();
    assert!(!error.is_connect() && !error.is_timeout());
}

async fn dropping_ends_it(client: Client<Empty<Bytes>>) {
    let server = Server::start().await;
    let hold = server.api().hold();
    let calling = tokio::spawn(client.oneshot(get(&server.url())));
    hold.arrived(1).await;
    calling.abort();
    eventually(|| hold.waiting() == 0).await;
    assert_eq!(server.journal().api_with_status(0), 1);
}

#[tokio::test]
async fn dropping_the_future_ends_the_exchange() {
    dropping_ends_it(hallpass_hyper::client().unwrap()).await;
    dropping_ends_it(Builder::new().http2_only().client().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once() {
    for builder in [Builder::new(), Builder::new().http2_only()] {
        let server = Server::start().await;
        let client = builder.client().unwrap();
        let calling: Vec<_> = (0..200)
            .map(|_| tokio::spawn(client.clone().oneshot(get(&server.url()))))
            .collect();
        for called in calling {
            assert_eq!(called.await.unwrap().unwrap().status(), 401);
        }
        assert_eq!(server.journal().api_with_status(401), 200);
    }
}
