//! Connections that are about to end, or whose peer stands still.

use std::{future::pending, sync::Arc, time::Duration};

use bytes::Bytes;
use hallpass_hyper::{Builder, Client, FreshConnection};
use hallpass_oauth2::transport::{Phase, Transport as _, TransportError};
use hallpass_testkit::{Relay, Server};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Notify,
};
use tower::{ServiceExt as _, service_fn};

use crate::common::{
    LONG, SHORT, connections, eventually, scripted, send, token_request, transport,
};

const BODY: &str = "an order, in some length";

fn post(url: &str, token: &str) -> Request<Full<Bytes>> {
    Request::post(url)
        .header("authorization", format!("Bearer {token}"))
        .body(Full::from(BODY))
        .unwrap()
}

/// Refuses an old token before it has read the body, and closes a little later without a word.
async fn refuses_early(mut stream: TcpStream) {
    let mut seen = Vec::new();
    loop {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            return;
        }
        seen.push(byte[0]);
        if !seen.ends_with(b"\r\n\r\n") {
            continue;
        }
        let refused = String::from_utf8_lossy(&seen).contains("Bearer old");
        if refused {
            let answer = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";
            let _ = stream.write_all(answer).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            // There is unread data, so that this is a reset.
            return;
        }
        let mut body = vec![0; BODY.len()];
        stream.read_exact(&mut body).await.unwrap();
        assert_eq!(body, BODY.as_bytes());
        seen.clear();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
    }
}

async fn status(client: &Client<Full<Bytes>>, request: Request<Full<Bytes>>) -> u16 {
    let answer = client.clone().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    answer.into_body().collect().await.unwrap();
    status
}

#[tokio::test]
async fn a_replay_does_not_meet_the_connection_that_is_about_to_close() {
    let address = scripted(|_, stream| refuses_early(stream)).await;
    let url = format!("http://{address}/orders");
    let client = hallpass_hyper::client().unwrap();
    for marked in [true, false] {
        for _ in 0..40 {
            assert_eq!(status(&client, post(&url, "old")).await, 401);
            let mut again = post(&url, "new");
            if marked {
                again.extensions_mut().insert(FreshConnection);
            }
            assert_eq!(status(&client, again).await, 200);
        }
    }
}

#[tokio::test]
async fn a_fresh_connection_is_for_requests_with_a_body() {
    let server = Server::start().await;
    let client = hallpass_hyper::client().unwrap();
    for (body, expected) in [("", 1), ("", 1), ("order", 2), ("", 2)] {
        let mut request = Request::post(server.url()).body(Full::from(body)).unwrap();
        request.extensions_mut().insert(FreshConnection);
        assert_eq!(status(&client, request).await, 401);
        assert_eq!(server.connections(), expected);
    }
    let transport = transport();
    server.clear_journal();
    for fresh in [false, false, true] {
        let mut request = token_request(&server.token_url());
        if fresh {
            request.extensions_mut().insert(FreshConnection);
        }
        transport.send(request, LONG).await.unwrap();
    }
    assert_eq!(connections(&server), [3, 3, 4]);
}

/// Answers one request on its first connection, and stands still when it is told to.
async fn freezes(number: u64, stream: TcpStream, freeze: Arc<Notify>) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let answer = Response::builder().status(200).body(()).unwrap();
        respond.send_response(answer, true).unwrap();
        if number == 1 {
            // The answer goes out, and from then on nothing is read.
            tokio::select! {
                biased;
                () = freeze.notified() => pending().await,
                _ = connection.accept() => {}
            }
        }
    }
}

async fn frozen(builder: &Builder) -> (Client<Full<Bytes>>, String) {
    let freeze = Arc::new(Notify::new());
    let when = freeze.clone();
    let address = scripted(move |number, stream| freezes(number, stream, when.clone())).await;
    let url = format!("http://{address}/");
    let client = builder.clone().http2_only().client().unwrap();
    assert_eq!(status(&client, post(&url, "any")).await, 200);
    freeze.notify_one();
    (client, url)
}

#[tokio::test]
async fn a_silent_connection_is_given_up_after_one_time_out() {
    let (client, url) = frozen(&Builder::new().request_timeout(SHORT)).await;
    let late = client.clone().oneshot(post(&url, "any")).await;
    assert!(late.unwrap_err().is_timeout());
    assert_eq!(status(&client, post(&url, "any")).await, 200);
}

#[tokio::test]
async fn a_silent_connection_is_given_up_after_a_caller_has() {
    let (client, url) = frozen(&Builder::new()).await;
    let call = client.clone().oneshot(post(&url, "any"));
    let late = tokio::time::timeout(2 * SHORT, call).await;
    assert!(late.is_err());
    assert_eq!(status(&client, post(&url, "any")).await, 200);
}

#[tokio::test]
async fn a_slow_answer_does_not_cost_a_connection_that_others_use() {
    let server = Server::start().await;
    let client = Builder::new().http2_only().client().unwrap();
    server.api().delay_next(1, LONG);
    let mut slow = tokio::spawn(client.clone().oneshot(post(&server.url(), "any")));
    for _ in 0..20 {
        tokio::time::sleep(SHORT / 8).await;
        status(&client, post(&server.url(), "any")).await;
    }
    assert!(tokio::time::timeout(SHORT / 20, &mut slow).await.is_err());
    slow.abort();
    tokio::time::sleep(SHORT / 10).await;
    status(&client, post(&server.url(), "any")).await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_silent_connection_is_probed() {
    let (client, url) = frozen(&Builder::new().http2_ping(Some(SHORT))).await;
    let call = client.clone().oneshot(post(&url, "any"));
    let met = tokio::time::timeout(LONG, call).await.unwrap();
    assert!(!met.unwrap_err().is_unprocessed());
    assert_eq!(status(&client, post(&url, "any")).await, 200);
}

#[tokio::test]
async fn idle_connections_are_bounded() {
    let server = Server::start().await;
    let relay = Relay::start(server.addr()).await;
    let client = Builder::new().max_idle_per_host(2).client().unwrap();
    for connections in [8, 14] {
        let hold = server.api().hold();
        let calls: Vec<_> = (0..8)
            .map(|_| {
                let request = Request::get(relay.url()).body(Full::default()).unwrap();
                let client = client.clone();
                tokio::spawn(async move { status(&client, request).await })
            })
            .collect();
        hold.arrived(8).await;
        drop(hold);
        for call in calls {
            call.await.unwrap();
        }
        // They come back to the pool as their tasks get a turn.
        eventually(|| relay.open_connections() <= 2).await;
        assert!(server.connections() <= connections);
        assert!(connections == 8 || server.connections() > 8);
    }
}

#[tokio::test]
async fn a_lack_of_descriptors_is_a_local_error() {
    let local = || std::io::Error::from_raw_os_error(24);
    let out = service_fn(move |_: Uri| async move { Err::<TokioIo<TcpStream>, _>(local()) });
    let builder = Builder::new().connector(out);
    let client = builder.client().unwrap();
    let error = client.oneshot(post("http://api.example.com/", "any")).await;
    let error = error.unwrap_err();
    assert!(error.is_local() && error.is_connect());
    let transport = builder.transport().unwrap();
    let error = send(&transport, "http://auth.example.com/").await;
    let error = error.unwrap_err();
    assert!(error.is_local() && error.phase() == Phase::Connect);

    let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    assert!(!TransportError::caused(Phase::Connect, refused).is_local());
}
