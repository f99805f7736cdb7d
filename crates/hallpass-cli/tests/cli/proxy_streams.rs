//! What is more than one request and one answer: event streams, WebSocket, gRPC, HTTP/2.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use hallpass::hyper::Builder;
use hallpass_testkit::Server;
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use tonic::{Code, Status, transport::server::TcpIncoming};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower::ServiceExt as _;

use super::{
    common::generic,
    proxy::{Proxy, send},
};

/// Reads a head to its empty line.
pub(crate) async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_they_are_sent() {
    let (server, _) = generic().await;
    let (api, url) = listener().await;
    let seen = Arc::new(Notify::new());
    let was_seen = Arc::clone(&seen);
    tokio::spawn(async move {
        let (mut stream, _) = api.accept().await.unwrap();
        assert!(head(&mut stream).await.contains("authorization: Bearer "));
        let start = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n";
        stream.write_all(start.as_bytes()).await.unwrap();
        was_seen.notified().await;
        stream
            .write_all(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")
            .await
            .unwrap();
    });
    let proxy = Proxy::start(&server, &url, &[]).await;
    let request = Request::get(format!("{}/events", proxy.url))
        .body(Full::default())
        .unwrap();
    let mut body = send(request).await.into_body();
    let mut next = async || body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(next().await, "data: 1\n\n");
    seen.notify_one();
    assert_eq!(next().await, "data: 2\n\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_in_a_body_of_unknown_length_arrives() {
    let (server, _) = generic().await;
    let proxy = Proxy::start(&server, &server.url(), &[]).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let asked = format!(
        "GET /_search HTTP/1.1\r\nhost: {}\r\ntransfer-encoding: chunked\r\n\r\n5\r\nquery\r\n0\r\n\r\n",
        proxy.address()
    );
    stream.write_all(asked.as_bytes()).await.unwrap();
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "));
    let journal = server.journal();
    let search = journal.api().next().unwrap();
    assert_eq!(
        (search.path.as_str(), &*search.body),
        ("/_search", &b"query"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_for_the_web_is_a_request_like_any_other() {
    let (server, _) = generic().await;
    let proxy = Proxy::start(&server, &server.url(), &[]).await;
    for (kind, version) in [
        ("application/grpc-web+proto", Version::HTTP_11),
        ("application/grpc+proto", Version::HTTP_2),
    ] {
        server.clear_journal();
        let request = Request::post(format!("{}/acme.Orders/Add", proxy.url))
            .header("content-type", kind)
            .body(Full::new(Bytes::from_static(b"\0\0\0\0\x01a")))
            .unwrap();
        assert_eq!(send(request).await.status(), StatusCode::OK);
        assert_eq!(
            server.journal().api().next().unwrap().version,
            version,
            "{kind}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_passes_and_its_handshake_is_repeated() {
    let (server, _) = generic().await;
    let (api, url) = listener().await;
    tokio::spawn(async move {
        // The first handshake is refused, on a connection that stays.
        let mut refused = HashSet::new();
        loop {
            let (mut stream, _) = api.accept().await.unwrap();
            loop {
                let head = head(&mut stream).await;
                let Some((_, rest)) = head.split_once("authorization: ") else {
                    break;
                };
                let token = rest.split("\r\n").next().unwrap().to_owned();
                assert!(head.contains("upgrade: websocket"), "{head}");
                if refused.is_empty() {
                    refused.insert(token);
                    stream
                        .write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n")
                        .await
                        .unwrap();
                    continue;
                }
                assert!(!refused.contains(&token));
                stream
                    .write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: abc\r\n\r\n")
                    .await
                    .unwrap();
                let mut buffer = [0; 64];
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    stream.write_all(&buffer[..read]).await.unwrap();
                }
                break;
            }
        }
    });
    let proxy = Proxy::start(&server, &url, &[]).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let asked = format!(
        "GET /socket HTTP/1.1\r\nhost: {}\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: k\r\nsec-websocket-version: 13\r\n\r\n",
        proxy.address()
    );
    stream.write_all(asked.as_bytes()).await.unwrap();
    let answer = head(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.contains("upgrade: websocket"), "{answer}");
    assert!(answer.contains("sec-websocket-accept: abc"), "{answer}");
    for message in ["one", "two"] {
        stream.write_all(message.as_bytes()).await.unwrap();
        let mut echo = [0; 3];
        stream.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, message.as_bytes());
    }
    drop(stream);
    assert_eq!(server.journal().token_requests(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_spoken_by_prior_knowledge() {
    let (server, _) = generic().await;
    let proxy = Proxy::start(&server, &server.url(), &[]).await;
    let client = Builder::new().http2_only().client::<Full<Bytes>>().unwrap();
    let request = Request::post(format!("{}/items", proxy.url))
        .body(Full::new(Bytes::from_static(b"a")))
        .unwrap();
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(
        (response.status(), response.version()),
        (StatusCode::OK, Version::HTTP_2)
    );
    let tls = Server::builder()
        .client("client", super::common::SECRET)
        .tls()
        .start()
        .await;
    let folder = super::common::Folder::new();
    let ca = folder.write("ca.pem", tls.certificate_pem().unwrap());
    let proxy = Proxy::start(&tls, &tls.url(), &["--ca", &ca]).await;
    let (status, _) = super::proxy::get(&format!("{}/items", proxy.url)).await;
    assert_eq!(status, StatusCode::OK);
    // To the API it goes over HTTP/2, which that prefers.
    assert_eq!(tls.journal().api().next().unwrap().version, Version::HTTP_2);
}

/// A health service that takes each token but the first ones, which it calls dead.
async fn grpc(dead: Arc<Mutex<HashSet<String>>>) -> String {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_service_status("acme", tonic_health::ServingStatus::Serving)
        .await;
    let guarded = tower::ServiceBuilder::new()
        .layer(tonic::service::InterceptorLayer::new(
            move |request: tonic::Request<()>| {
                let token = request.metadata().get("authorization").cloned();
                let token = token.and_then(|token| token.to_str().ok().map(str::to_owned));
                let token = token.unwrap_or_default();
                let mut dead = dead.lock().unwrap();
                if !token.starts_with("Bearer ") || dead.is_empty() {
                    dead.insert(token);
                    return Err(Status::unauthenticated("dead"));
                }
                if dead.contains(&token) {
                    return Err(Status::unauthenticated("dead"));
                }
                Ok(request)
            },
        ))
        .service(health);
    let (listener, url) = listener().await;
    let incoming = TcpIncoming::from(listener);
    tokio::spawn(async move {
        tonic::transport::Server::builder()
            .add_service(guarded)
            .serve_with_incoming(incoming)
            .await
            .unwrap();
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_passes_with_its_trailers() {
    let (server, _) = generic().await;
    let dead = Arc::new(Mutex::new(HashSet::new()));
    let url = grpc(Arc::clone(&dead)).await;
    let proxy = Proxy::start(&server, &url, &[]).await;
    let channel = tonic::transport::Channel::from_shared(proxy.url.clone())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut client = HealthClient::new(channel);
    let asked = |service: &str| HealthCheckRequest {
        service: service.to_owned(),
    };
    // The first token is refused in trailers alone, and the call sent again with another.
    let answer = client.check(asked("acme")).await.unwrap();
    assert_eq!(answer.into_inner().status, 1);
    assert_eq!(server.journal().token_requests(), 2);
    let status = client.check(asked("nobody")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let mut watch = client.watch(asked("acme")).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_messages_is_not_sent_again() {
    let (server, _) = generic().await;
    let proxy = Proxy::start(&server, &server.url(), &[]).await;
    let client = Builder::new().http2_only().client::<Full<Bytes>>().unwrap();
    for (body, sends) in [
        (&b"\0\0\0\0\x01a"[..], 2),
        (b"\0\0\0\0\x01a\0\0\0\0\x01b", 1),
    ] {
        server.clear_journal();
        server.api().grpc_trailers_only_next(1, 16);
        let request = Request::post(format!("{}/acme.Orders/Add", proxy.url))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(Bytes::from_static(body)))
            .unwrap();
        let response = client.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let refused = response
            .headers()
            .get("grpc-status")
            .is_some_and(|status| status == "16");
        assert_eq!(
            (refused, server.journal().api_requests()),
            (sends == 1, sends)
        );
    }
}
