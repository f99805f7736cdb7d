//! Every fault of a connection does what it says, over HTTP/1.1 and HTTP/2, and is over when it is healed.
#![allow(clippy::expect_used, reason = "a test may panic")]

mod common;

use std::time::Duration;

use common::{Got, Http, http, http2, token, try_send};
use hallpass_testkit::{ClosedPort, LinkFault, Relay, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// More than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// Enough to be sure that nothing comes.
const SHORT: Duration = Duration::from_millis(200);

/// A server behind a relay, and a token for it.
struct Behind {
    server: Server,
    relay: Relay,
    bearer: String,
}

impl Behind {
    async fn new() -> Self {
        let server = Server::start().await;
        let bearer = format!("Bearer {}", token(&server).await);
        Self {
            relay: Relay::start(server.addr()).await,
            server,
            bearer,
        }
    }

    /// None if there is no head; a body that breaks off is an error in what there is.
    async fn call(&self, client: &Http) -> Option<Got> {
        let headers = [("authorization", self.bearer.as_str())];
        let url = format!("{}/x", self.relay.url());
        let call = try_send(client, "POST", &url, &headers, "body");
        timeout(LONG, call).await.expect("in time").ok()
    }

    async fn is_whole(&self, client: &Http) -> bool {
        let got = self.call(client).await;
        got.is_some_and(|got| got.status == 200 && got.body.is_ok())
    }
}

fn clients() -> [Http; 2] {
    [http(), http2()]
}

#[tokio::test]
async fn nothing_is_wrong_at_first() {
    let behind = Behind::new().await;
    let clients = clients();
    for client in &clients {
        assert!(behind.is_whole(client).await);
        assert!(behind.is_whole(client).await, "on the same connection");
    }
    assert_eq!(behind.relay.connections(), 2);
    assert_eq!(behind.relay.open_connections(), 2);
    behind.server.close_idle();
    let closed = async {
        while behind.relay.open_connections() > 0 {
            tokio::time::sleep(SHORT / 100).await;
        }
    };
    timeout(LONG, closed).await.expect("both sides have left");
    assert_eq!(
        behind.relay.url_of("http://127.0.0.1:1/token?a=b"),
        format!("{}/token?a=b", behind.relay.url())
    );
}

#[tokio::test]
async fn a_refused_port_is_refused_and_comes_back() {
    let behind = Behind::new().await;
    let mut standing = TcpStream::connect(behind.relay.addr()).await.expect("open");
    standing
        .write_all(b"GET /x HTTP/1.1\r\n")
        .await
        .expect("sent");
    for client in clients() {
        behind.relay.set(LinkFault::Refused).await;
        let refused = TcpStream::connect(behind.relay.addr()).await;
        let refused = refused.expect_err("nobody listens").kind();
        assert_eq!(refused, std::io::ErrorKind::ConnectionRefused);
        assert!(behind.call(&client).await.is_none());
        behind.relay.heal().await;
        assert!(behind.is_whole(&client).await);
    }
    let reset = timeout(LONG, standing.read(&mut [0]))
        .await
        .expect("in time");
    assert!(reset.is_err(), "it was reset");
}

#[tokio::test]
async fn a_reserved_port_refuses_for_as_long_as_it_is_kept() {
    let closed = ClosedPort::reserve();
    for _ in 0..3 {
        let refused = TcpStream::connect(closed.addr()).await;
        let refused = refused.expect_err("nobody listens").kind();
        assert_eq!(refused, std::io::ErrorKind::ConnectionRefused);
    }
    assert!(std::net::TcpListener::bind(closed.addr()).is_err());
    assert!(closed.url().ends_with(&closed.addr().port().to_string()));
}

#[tokio::test]
async fn a_half_open_connection_stays_silent() {
    let behind = Behind::new().await;
    for client in clients() {
        behind.relay.set(LinkFault::HalfOpen).await;
        let call = behind.call(&client);
        assert!(timeout(SHORT, call).await.is_err(), "no answer");
        behind.relay.heal().await;
    }
    assert_eq!(behind.server.journal().api_requests(), 0);
    assert!(behind.is_whole(&http()).await, "a new one is heard");
}

#[tokio::test]
async fn answers_break_off_where_they_should() {
    for (fault, head) in [
        (LinkFault::ResetBeforeHead, false),
        (LinkFault::ResetAfterHead, true),
        (LinkFault::ResetInBody, true),
    ] {
        let behind = Behind::new().await;
        for (n, client) in clients().into_iter().enumerate() {
            behind.relay.set(fault).await;
            let got = behind.call(&client).await;
            assert_eq!(got.as_ref().is_some(), head, "{fault:?}, {n}");
            assert!(got.is_none_or(|got| got.body.is_err()), "{fault:?}, {n}");
            let journal = behind.server.journal();
            assert_eq!(journal.api_with_status(200), 2 * n + 1, "the work is done");
            behind.relay.heal().await;
            assert!(behind.is_whole(&client).await, "{fault:?}, {n}");
        }
    }
}

#[tokio::test]
async fn a_connection_is_reset_when_it_is_used_again() {
    for client in clients() {
        let behind = Behind::new().await;
        behind.relay.set(LinkFault::ResetReused).await;
        assert!(behind.is_whole(&client).await, "the first request passes");
        assert!(!behind.is_whole(&client).await);
        assert_eq!(behind.server.journal().api_requests(), 1);
    }
}

#[tokio::test]
async fn a_slow_way_is_slow() {
    for (fault, least) in [
        (LinkFault::Latency(SHORT), SHORT),
        (LinkFault::Throttled(1000), SHORT),
        (LinkFault::Sliced(3), Duration::ZERO),
    ] {
        let behind = Behind::new().await;
        behind.relay.set(fault).await;
        for client in clients() {
            let start = Instant::now();
            assert!(behind.is_whole(&client).await, "{fault:?}");
            assert!(start.elapsed() >= least, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_restart_resets_what_stands() {
    let behind = Behind::new().await;
    let mut standing = TcpStream::connect(behind.relay.addr()).await.expect("open");
    standing
        .write_all(b"GET /x HTTP/1.1\r\n\r\n")
        .await
        .expect("sent");
    standing.read_exact(&mut [0]).await.expect("an answer");
    behind.relay.reset_all();
    let mut rest = Vec::new();
    let read = timeout(LONG, standing.read_to_end(&mut rest))
        .await
        .expect("in time");
    assert!(read.is_err(), "it was reset");
    assert!(behind.is_whole(&http()).await);
}

#[tokio::test]
async fn a_dropped_relay_is_gone() {
    let behind = Behind::new().await;
    let mut standing = TcpStream::connect(behind.relay.addr()).await.expect("open");
    drop(behind);
    let end = timeout(LONG, standing.read(&mut [0]))
        .await
        .expect("in time");
    assert!(matches!(end, Ok(0) | Err(_)));
}
