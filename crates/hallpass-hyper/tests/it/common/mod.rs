//! Requests, and a server that does exactly what its script says.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of this"
)]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

pub mod frames;

use std::{future::Future, net::SocketAddr, time::Duration};

use bytes::Bytes;
use hallpass_hyper::HyperTransport;
use hallpass_oauth2::transport::{Phase, Transport, TransportError};
use hallpass_testkit::Server;
use http::{Request, Response, header};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
};

/// More than any exchange here takes.
pub const LONG: Duration = Duration::from_secs(20);

/// Enough to be sure that nothing more comes.
pub const SHORT: Duration = Duration::from_millis(200);

pub fn transport() -> HyperTransport {
    hallpass_hyper::transport().unwrap()
}

/// A token request of the default client.
pub fn token_request(url: &str) -> Request<Bytes> {
    Request::post(url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from_static(
            b"grant_type=client_credentials&client_id=client&client_secret=secret",
        ))
        .unwrap()
}

pub async fn send(
    transport: &HyperTransport,
    url: &str,
) -> Result<Response<Bytes>, TransportError> {
    transport.send(token_request(url), LONG).await
}

pub async fn status(transport: &HyperTransport, url: &str) -> u16 {
    send(transport, url).await.unwrap().status().as_u16()
}

pub async fn phase(transport: &HyperTransport, url: &str, limit: Duration) -> Phase {
    let outcome = transport.send(token_request(url), limit).await;
    outcome.expect_err("no answer").phase()
}

/// The connections that the token requests came on, in order.
pub fn connections(server: &Server) -> Vec<u64> {
    let journal = server.journal();
    journal.tokens().map(|entry| entry.connection).collect()
}

/// Polls until `condition` holds.
pub async fn eventually(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.expect("in time");
}

/// A listener on loopback that hands each connection, with its number from 1, to `script`.
pub async fn scripted<F, T>(script: F) -> SocketAddr
where
    F: Fn(u64, TcpStream) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 1.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(script(number, stream));
        }
    });
    address
}

/// Reads a request with the body of [`token_request`]; false at the end of the connection.
pub async fn read_request(stream: &mut TcpStream) -> bool {
    let mut seen = Vec::new();
    while !seen.ends_with(b"client_secret=secret") {
        if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
            return false;
        }
    }
    true
}
