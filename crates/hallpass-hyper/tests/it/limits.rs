//! Deadlines, the cap on bodies, redirects, and what a dropped future ends.

use std::{sync::Arc, time::Duration};

use hallpass_hyper::{Builder, HyperTransport};
use hallpass_oauth2::transport::{BODY_LIMIT, Phase};
use hallpass_testkit::{ClosedPort, Server};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Notify,
};

use crate::common::{
    self, LONG, SHORT, eventually, phase, read_request, scripted, send, status, transport,
};

/// A listener that takes connections and says nothing, so that no TLS handshake ends.
async fn silent() -> String {
    let address = scripted(|_, mut stream| async move {
        let mut nothing = Vec::new();
        let _ = stream.read_to_end(&mut nothing).await;
    })
    .await;
    format!("https://{address}/token")
}

#[tokio::test]
async fn redirects_come_back_as_answers() {
    let elsewhere = Server::start().await;
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start().await;
        let location = elsewhere.token_url();
        let headers = [("location", location.as_str())];
        server
            .token_endpoint()
            .respond_next(1, status, &headers, "moved");
        let answer = send(&transport(), &server.token_url()).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["location"], location);
        assert_eq!(server.journal().entries().len(), 1);
    }
    assert_eq!(elsewhere.journal().entries().len(), 0);
}

#[tokio::test]
async fn the_body_is_capped() {
    for builder in [Builder::new(), Builder::new().http2_only()] {
        let server = Server::start().await;
        let transport = builder.transport().unwrap();
        let endpoint = server.token_endpoint();
        endpoint.respond_next(1, 200, &[], vec![b' '; BODY_LIMIT]);
        let whole = send(&transport, &server.token_url()).await.unwrap();
        assert_eq!(whole.body().len(), BODY_LIMIT);

        endpoint.respond_next(1, 200, &[], vec![b' '; BODY_LIMIT + 1]);
        let met = phase(&transport, &server.token_url(), LONG).await;
        assert_eq!(met, Phase::TooLarge);
    }
}

#[tokio::test]
async fn a_body_without_length_is_counted_as_it_comes() {
    let given_up = Arc::new(Notify::new());
    let noticed = Arc::clone(&given_up);
    let address = scripted(move |_, mut stream| {
        let noticed = Arc::clone(&noticed);
        async move {
            assert!(read_request(&mut stream).await);
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(head).await.unwrap();
            let mut chunk = b"10000\r\n".to_vec();
            chunk.resize(chunk.len() + 0x10000, b' ');
            chunk.extend_from_slice(b"\r\n");
            while stream.write_all(&chunk).await.is_ok() {}
            noticed.notify_one();
        }
    })
    .await;
    let url = format!("http://{address}/token");
    assert_eq!(phase(&transport(), &url, LONG).await, Phase::TooLarge);
    let closed = tokio::time::timeout(LONG, given_up.notified()).await;
    closed.expect("the connection is closed");
}

#[tokio::test]
async fn a_late_answer_is_an_exchange_timeout() {
    for builder in [Builder::new(), Builder::new().http2_only()] {
        let server = Server::start().await;
        server.token_endpoint().delay_next(1, LONG);
        let transport = builder.transport().unwrap();
        let met = phase(&transport, &server.token_url(), SHORT).await;
        assert_eq!(met, Phase::ExchangeTimeout);
        assert_eq!(status(&transport, &server.token_url()).await, 200);
        // What did not answer is not asked again, on HTTP/2 neither.
        assert_eq!(common::connections(&server), [1, 2]);
    }
}

#[tokio::test]
async fn a_slow_body_is_an_exchange_timeout() {
    let address = scripted(|_, mut stream| async move {
        assert!(read_request(&mut stream).await);
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
        stream.write_all(head).await.unwrap();
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let url = format!("http://{address}/token");
    let met = phase(&transport(), &url, SHORT).await;
    assert_eq!(met, Phase::ExchangeTimeout);
}

async fn connects_too_slowly(builder: Builder, url: &str) {
    let hasty = builder.clone().connect_timeout(SHORT).transport().unwrap();
    assert_eq!(phase(&hasty, url, LONG).await, Phase::ConnectTimeout);
    let patient = builder.connect_timeout(LONG).transport().unwrap();
    assert_eq!(phase(&patient, url, SHORT).await, Phase::ConnectTimeout);
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_a_connect_timeout() {
    connects_too_slowly(Builder::new(), &silent().await).await;
}

/// Linux drops the SYNs to a listener whose queue is full, which is what no route looks like.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_is_not_taken_is_a_connect_timeout() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    let mut taken = Vec::new();
    loop {
        let connecting = tokio::net::TcpStream::connect(address);
        match tokio::time::timeout(SHORT, connecting).await {
            Ok(stream) => taken.push(stream.unwrap()),
            Err(_) => break,
        }
        assert!(taken.len() < 64, "the queue never fills");
    }
    connects_too_slowly(Builder::new(), &format!("http://{address}/token")).await;
}

#[tokio::test]
async fn a_refused_connection_is_a_connect_error() {
    let closed = ClosedPort::reserve();
    let url = format!("{}/token", closed.url());
    assert_eq!(phase(&transport(), &url, LONG).await, Phase::Connect);
    let unknown = "ftp://127.0.0.1/token";
    assert_eq!(phase(&transport(), unknown, LONG).await, Phase::Connect);
}

async fn dropping_ends_it(transport: HyperTransport) {
    let server = Server::start().await;
    let hold = server.token_endpoint().hold();
    let url = server.token_url();
    let sending = tokio::spawn(async move { send(&transport, &url).await });
    hold.arrived(1).await;
    sending.abort();
    eventually(|| hold.waiting() == 0).await;
    drop(hold);
    assert_eq!(server.journal().token_with_status(0), 1);
    assert_eq!(server.tokens_issued(), 0);
}

#[tokio::test]
async fn dropping_the_future_ends_the_exchange() {
    dropping_ends_it(transport()).await;
    dropping_ends_it(Builder::new().http2_only().transport().unwrap()).await;
}

#[tokio::test]
async fn only_public_addresses_are_connected_to_if_so_said() {
    let server = Server::start().await;
    let port = server.addr().port();
    let transport = Builder::new().public_addresses_only().transport().unwrap();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
    ] {
        let error = send(&transport, &format!("http://{host}:{port}/")).await;
        let error = error.unwrap_err();
        assert_eq!(error.phase(), Phase::Connect, "{host}");
        let first: &(dyn std::error::Error + 'static) = &error;
        let causes = std::iter::successors(Some(first), |error| error.source());
        let texts: Vec<_> = causes.map(ToString::to_string).collect();
        let named = texts.iter().any(|text| text.contains("no public address"));
        assert!(named, "{host}: {texts:?}");
    }
    assert_eq!(server.connections(), 0);
}
