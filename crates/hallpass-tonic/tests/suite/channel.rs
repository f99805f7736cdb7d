//! What a channel is made of, what is made of it, and on which threads it is called.

use std::{
    convert::Infallible,
    future::{pending, poll_fn},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use crate::common::{EchoClient, Issuer, Refuse, Server, cause, message, start, tokens};
use bytes::Bytes;
use hallpass_core::{
    Cached, Credential, CredentialSource, Description, Error, Fetch, NoCredential,
};
use hallpass_tonic::{Destination, bearer};
use http::{Request, Response, Uri, header::CONTENT_TYPE};
use http_body::{Body as _, Frame};
use tokio::time::{Instant, timeout};
use tokio_stream::{self as stream, StreamExt as _};
use tonic::{
    Code,
    body::Body,
    transport::{Channel, Endpoint},
};
use tower::{ServiceBuilder, service_fn};

/// A source that names the origin which its tokens are for.
struct Named(Arc<Issuer>, &'static str);

impl CredentialSource for Named {
    fn fetch(&self, why: &Fetch) -> impl Future<Output = Result<Credential, Error>> + Send {
        self.0.fetch(why)
    }

    fn description(&self) -> Description {
        let mut description = Description::default();
        description.origins = Some(vec![self.1.parse().unwrap()]);
        description
    }
}

#[tokio::test]
async fn the_origin_of_an_endpoint_is_what_the_credential_is_for() {
    let server = Server::start().await;
    let endpoint = server
        .endpoint()
        .origin(Uri::from_static("https://api.example.com"));
    let source = Named(Issuer::new(), "https://api.example.com");
    let mut client = EchoClient::new(bearer(endpoint, source));
    client.unary(message("a")).await.unwrap();
    assert_eq!(server.gate.bearers(), tokens(["token-1"]));
}

#[tokio::test]
async fn the_way_to_an_origin_has_to_be_safe_as_well() {
    let endpoint = Endpoint::from_static("http://192.0.2.1")
        .origin(Uri::from_static("https://api.example.com"));
    let issuer = Issuer::new();
    let source = Named(Arc::clone(&issuer), "https://api.example.com");
    let mut client = EchoClient::new(bearer(endpoint, source));
    let status = client.unary(message("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(cause(&status).is_destination());
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test]
async fn a_deadline_covers_the_connection_too() {
    let connector = service_fn(|_: Uri| {
        pending::<io::Result<hyper_util::rt::TokioIo<tokio::net::TcpStream>>>()
    });
    let channel =
        Endpoint::from_static("http://127.0.0.1:1").connect_with_connector_lazy(connector);
    let to = Destination::at(channel, "http://127.0.0.1:1").unwrap();
    let mut client = EchoClient::new(bearer(to, Issuer::new()));
    let mut request = tonic::Request::new(message("a"));
    request.set_timeout(Duration::from_millis(200));
    let start = Instant::now();
    let status = client.unary(request).await.unwrap_err();
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(
        status.message(),
        "no answer within the call's deadline of 0.2 s"
    );
}

#[tokio::test]
async fn calls_that_wait_keep_nobody_out() {
    let server = Server::start().await;
    let channel = bearer(server.endpoint().buffer_size(2), Issuer::new());
    let mut client = EchoClient::new(channel);
    client.unary(message("first")).await.unwrap();
    let slow = Issuer::new();
    slow.takes(Duration::from_secs(60));
    let slow = Cached::new(slow);
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let mut client = client.clone();
            let mut request = tonic::Request::new(message("slow"));
            request.extensions_mut().insert(slow.clone());
            tokio::spawn(async move { client.unary(request).await.map(drop) })
        })
        .collect();
    while slow.stats().waits < 4 {
        tokio::task::yield_now().await;
    }
    for _ in 0..5 {
        let call = client.unary(message("b"));
        timeout(Duration::from_secs(1), call)
            .await
            .unwrap()
            .unwrap();
    }
    let mut request = tonic::Request::new(message("c"));
    request.extensions_mut().insert(NoCredential);
    let call = client.unary(request);
    let status = timeout(Duration::from_secs(1), call)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    for call in waiting {
        call.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_threads_make_calls_too() {
    let (server, issuer, mut first) = start().await;
    first.unary(message("first")).await.unwrap();
    let client = first;
    let on_a_thread = |how: Refuse, limit: Option<Duration>| {
        let mut client = client.clone();
        server.gate.refuse(how);
        let (sender, receiver) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut request = tonic::Request::new(message("a"));
            if let Some(limit) = limit {
                request.set_timeout(limit);
            }
            let _ = sender.send(futures_executor::block_on(client.unary(request)));
        });
        timeout(Duration::from_secs(10), receiver)
    };
    on_a_thread(Refuse::AtOnce, None)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    for (fetches, how) in [(2, Refuse::AtOnce), (3, Refuse::InTrailers)] {
        server.gate.revoke();
        on_a_thread(how, None).await.unwrap().unwrap().unwrap();
        assert_eq!(issuer.fetches(), fetches);
    }
    server.gate.revoke();
    let limit = Some(Duration::from_secs(5));
    on_a_thread(Refuse::AtOnce, limit)
        .await
        .unwrap()
        .unwrap()
        .unwrap();

    server.gate.revoke();
    issuer.takes(Duration::from_secs(30));
    let limit = Some(Duration::from_millis(200));
    let outcome = on_a_thread(Refuse::AtOnce, limit).await.unwrap().unwrap();
    assert_eq!(outcome.unwrap_err().code(), Code::DeadlineExceeded);
}

/// As an exporter does that is set up in `main` and called from a thread of its own, which may be
/// the very first to call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_thread_may_be_the_first() {
    let server = Server::start().await;
    // Outside of any runtime, as a static is.
    let elsewhere = std::thread::spawn(|| Cached::new(Issuer::new()));
    for source in [Cached::new(Issuer::new()), elsewhere.join().unwrap()] {
        let mut client = EchoClient::new(bearer(server.endpoint(), source.clone()));
        let (sender, receiver) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let answer = futures_executor::block_on(client.unary(message("a")));
            let _ = sender.send(answer.map(drop));
        });
        timeout(Duration::from_secs(10), receiver)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(source.stats().fetches, 1);
    }
    assert_eq!(server.gate.bearers(), tokens(["token-1"; 2]));
}

/// Without a runtime anywhere there is nothing that could fetch.
#[test]
fn without_any_runtime_a_call_says_so() {
    let mock =
        service_fn(
            |_: Request<Body>| async move { Ok::<_, Infallible>(Response::new(Body::empty())) },
        );
    let to = Destination::at(mock, "https://api.example.com").unwrap();
    let mut client = EchoClient::new(bearer(to, Issuer::new()));
    let status = futures_executor::block_on(client.unary(message("a"))).unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("no tokio runtime"), "{status:?}");
}

#[tokio::test]
async fn it_can_be_a_channel() {
    let server = Server::start().await;
    let issuer = Issuer::new();
    let channel: Channel = bearer(server.endpoint(), Arc::clone(&issuer)).into_channel();
    let mut client = EchoClient::new(channel);
    let answer = client.unary(message("a")).await.unwrap();
    assert_eq!(answer.into_inner(), message("a"));
    server.gate.revoke();
    let answers = client.repeat(message("a")).await.unwrap().into_inner();
    assert_eq!(answers.fold(0, |count, _| count + 1).await, 3);
    let parts = stream::iter(["a", "b"].map(message));
    let answers = client.chat(parts).await.unwrap().into_inner();
    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    assert_eq!(answers, ["a", "b"].map(message));
    assert_eq!(issuer.fetches(), 2);

    server.gate.refuse(Refuse::Forbidden);
    let status = client.unary(message("a")).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::PermissionDenied, "not you")
    );
}

#[tokio::test]
async fn a_channel_says_what_keeps_it_from_its_credential() {
    let issuer = Issuer::new();
    issuer.fails(Error::permanent("the client was struck off"));
    let server = Server::start().await;
    let mut client = EchoClient::new(bearer(server.endpoint(), issuer).into_channel());
    let status = client.unary(message("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(status.message().starts_with("the client was struck off"));
    assert_eq!(server.gate.calls(), 0);
}

#[tokio::test]
async fn it_can_be_boxed() {
    let server = Server::start().await;
    let mut client = EchoClient::new(bearer(server.endpoint(), Issuer::new()).boxed());
    client.unary(message("a")).await.unwrap();
    server.gate.revoke();
    let parts = stream::iter(["a"].map(message));
    let answers = client.chat(parts).await.unwrap().into_inner();
    assert_eq!(answers.fold(0, |count, _| count + 1).await, 1);
    assert_eq!(server.gate.calls(), 3);
}

#[tokio::test]
async fn it_stands_in_a_stack() {
    let server = Server::start().await;
    let origin = format!("http://{}", server.address);
    let channel = ServiceBuilder::new()
        .layer_fn(|channel: Channel| bearer(channel, Issuer::new()).at(&origin).unwrap())
        .service(server.endpoint().connect_lazy());
    EchoClient::new(channel).unary(message("a")).await.unwrap();
    assert_eq!(server.gate.bearers(), tokens(["token-1"]));
}

#[tokio::test]
async fn nested_channels_keep_their_credentials_apart() {
    let server = Server::start().await;
    let (inner, outer) = (Issuer::new(), Issuer::new());
    let channel = bearer(server.endpoint(), Arc::clone(&inner));
    let to = Destination::at(channel, format!("http://{}", server.address)).unwrap();
    let key = Named(Arc::clone(&outer), "https://elsewhere.example.com");
    let mut client = EchoClient::new(bearer(to, key));
    client.unary(message("a")).await.unwrap();
    server.gate.refuse(Refuse::Late);
    server.gate.revoke();
    let mut answers = client.repeat(message("a")).await.unwrap().into_inner();
    while let Ok(Some(_)) = answers.message().await {}
    client.unary(message("a")).await.unwrap();
    assert_eq!((inner.fetches(), outer.fetches()), (2, 0));
}

/// A body that says nothing.
struct Silent;

impl http_body::Body for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_head_of_a_call_of_one_message_is_held_back_and_not_for_long() {
    let mock = service_fn(|mut request: Request<Body>| async move {
        let body = request.body_mut();
        while poll_fn(|context| Pin::new(&mut *body).poll_frame(context))
            .await
            .is_some()
        {}
        let response = Response::builder().header(CONTENT_TYPE, "application/grpc");
        Ok::<_, Infallible>(response.body(Body::new(Silent)).unwrap())
    });
    let source = || Credential::bearer("a-token").unwrap().never_expires();
    let to = Destination::at(mock, "https://api.example.com").unwrap();
    let mut client = EchoClient::new(bearer(to, source()));

    let start = Instant::now();
    client.repeat(message("a")).await.unwrap();
    assert_eq!(start.elapsed().as_millis(), 10);

    let start = Instant::now();
    let parts = stream::iter(["a", "b"].map(message));
    client.chat(parts).await.unwrap();
    let mut request = tonic::Request::new(message("a"));
    request.extensions_mut().insert(NoCredential);
    client.repeat(request).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
}
