//! The transport: deadlines, the cap on bodies, redirects, and what errors say.
#![cfg(all(feature = "rustls", feature = "transport"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{io::Write as _, time::Duration};

use bytes::Bytes;
use common::{LONG, SHORT, scripted, shown};
use flate2::{Compression, write::GzEncoder};
use hallpass_oauth2::transport::{BODY_LIMIT, Phase, Transport as _, TransportError};
use hallpass_reqwest::ReqwestTransport;
use hallpass_testkit::{ClosedPort, Server};
use http::{Request, Response, Version, header::CONTENT_TYPE};
use reqwest::{Certificate, Client};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A label of 64 letters is too long for a name (RFC 1035 §2.3.4): no resolver asks anybody.
const NOWHERE: &str =
    "http://nowhere-nowhere-nowhere-nowhere-nowhere-nowhere-nowhere-nowhere-.invalid";

const FORM: &[u8] = b"grant_type=client_credentials&client_id=client&client_secret=secret";

fn transport() -> ReqwestTransport {
    hallpass_reqwest::transport().unwrap()
}

fn http2() -> ReqwestTransport {
    ReqwestTransport::from_builder(Client::builder().http2_prior_knowledge()).unwrap()
}

async fn send(
    transport: &ReqwestTransport,
    url: &str,
    limit: Duration,
) -> Result<Response<Bytes>, TransportError> {
    let request = Request::post(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from_static(FORM))
        .unwrap();
    transport.send(request, limit).await
}

async fn phase(transport: &ReqwestTransport, url: &str, limit: Duration) -> Phase {
    let outcome = send(transport, url, limit).await;
    outcome.expect_err("no answer").phase()
}

async fn read_request(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    while !seen.ends_with(FORM) {
        stream.read_buf(&mut seen).await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_comes_back_whole() {
    let server = Server::start().await;
    for (transport, version) in [(transport(), Version::HTTP_11), (http2(), Version::HTTP_2)] {
        let answer = send(&transport, &server.token_url(), LONG).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
        assert!(answer.body().starts_with(b"{"));
    }
    let journal = server.journal();
    let first = journal.tokens().next().unwrap();
    assert_eq!(first.body, FORM);
    // This reqwest was built with gzip, and would ask for it.
    assert_eq!(first.header("accept-encoding"), Some("identity"));
    assert_eq!(
        first.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
}

#[tokio::test]
async fn over_tls_it_speaks_http2() {
    let server = Server::builder().tls().start().await;
    let root = Certificate::from_der(server.certificate_der().unwrap()).unwrap();
    let builder = Client::builder().tls_certs_only([root]);
    let trusting = ReqwestTransport::from_builder(builder).unwrap();
    let answer = send(&trusting, &server.token_url(), LONG).await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_2);
    // Whom nobody vouches for gets nothing.
    let met = phase(&transport(), &server.token_url(), LONG).await;
    assert_eq!(met, Phase::Connect);
}

#[tokio::test]
async fn redirects_come_back_as_answers_whatever_the_builder_said() {
    let elsewhere = Server::start().await;
    let follows = Client::builder().redirect(reqwest::redirect::Policy::limited(10));
    let transport = ReqwestTransport::from_builder(follows).unwrap();
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start().await;
        let location = elsewhere.token_url();
        let headers = [("location", location.as_str())];
        let endpoint = server.token_endpoint();
        endpoint.respond_next(1, status, &headers, "moved");
        let answer = send(&transport, &server.token_url(), LONG).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["location"], location);
        assert_eq!(server.journal().entries().len(), 1);
    }
    assert_eq!(elsewhere.journal().entries().len(), 0);
}

#[tokio::test]
async fn the_body_is_capped() {
    for transport in [transport(), http2()] {
        let server = Server::start().await;
        let endpoint = server.token_endpoint();
        endpoint.respond_next(1, 200, &[], vec![b' '; BODY_LIMIT]);
        let whole = send(&transport, &server.token_url(), LONG).await.unwrap();
        assert_eq!(whole.body().len(), BODY_LIMIT);
        endpoint.respond_next(1, 200, &[], vec![b' '; BODY_LIMIT + 1]);
        let met = phase(&transport, &server.token_url(), LONG).await;
        assert_eq!(met, Phase::TooLarge);
    }
}

#[tokio::test]
async fn the_cap_counts_after_decompression() {
    let packed = |length| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![b' '; length]).unwrap();
        encoder.finish().unwrap()
    };
    let server = Server::start().await;
    let headers = [("content-encoding", "gzip")];
    let endpoint = server.token_endpoint();
    endpoint.respond_next(1, 200, &headers, packed(BODY_LIMIT));
    let whole = send(&transport(), &server.token_url(), LONG).await.unwrap();
    assert_eq!(whole.body().len(), BODY_LIMIT);
    endpoint.respond_next(1, 200, &headers, packed(64 * BODY_LIMIT));
    let met = phase(&transport(), &server.token_url(), LONG).await;
    assert_eq!(met, Phase::TooLarge);
}

#[tokio::test]
async fn a_body_without_length_is_counted_as_it_comes() {
    let address = scripted(|_, mut stream| async move {
        read_request(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let mut chunk = b"10000\r\n".to_vec();
        chunk.resize(chunk.len() + 0x10000, b' ');
        chunk.extend_from_slice(b"\r\n");
        while stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
    let url = format!("http://{address}/token");
    assert_eq!(phase(&transport(), &url, LONG).await, Phase::TooLarge);
}

#[tokio::test]
async fn time_runs_out_for_the_head_and_for_the_body() {
    for transport in [transport(), http2()] {
        let server = Server::start().await;
        server.token_endpoint().delay_next(1, LONG);
        let met = phase(&transport, &server.token_url(), SHORT).await;
        assert_eq!(met, Phase::ExchangeTimeout);
    }
    let address = scripted(|_, mut stream| async move {
        read_request(&mut stream).await;
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
    let builder = Client::builder().read_timeout(SHORT);
    let hasty = ReqwestTransport::from_builder(builder).unwrap();
    let server = Server::start().await;
    server.token_endpoint().delay_next(1, LONG);
    assert_eq!(
        phase(&hasty, &server.token_url(), LONG).await,
        Phase::ExchangeTimeout
    );
}

#[tokio::test]
async fn connecting_has_phases_of_its_own() {
    let silent = scripted(|_, mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let builder = Client::builder().connect_timeout(SHORT);
    let hasty = ReqwestTransport::from_builder(builder).unwrap();
    let url = format!("https://{silent}/token");
    assert_eq!(phase(&hasty, &url, LONG).await, Phase::ConnectTimeout);

    let closed = ClosedPort::reserve();
    let url = format!("{}/token", closed.url());
    assert_eq!(phase(&transport(), &url, LONG).await, Phase::Connect);
    let nowhere = format!("{NOWHERE}/token");
    assert_eq!(phase(&transport(), &nowhere, LONG).await, Phase::Connect);
}

#[tokio::test]
async fn a_cut_answer_is_not_asked_for_again() {
    for transport in [transport(), http2()] {
        let server = Server::start().await;
        server.token_endpoint().cut_next(1).hang_up_next(1);
        for _ in 0..2 {
            let met = phase(&transport, &server.token_url(), LONG).await;
            assert_eq!(met, Phase::Exchange);
        }
        assert_eq!(server.journal().token_requests(), 2);
    }
}

#[tokio::test]
async fn nothing_shows_a_secret() {
    let mut headers = http::HeaderMap::new();
    headers.insert("x-gateway-key", "s3cret".parse().unwrap());
    let builder = Client::builder().default_headers(headers);
    let transport = ReqwestTransport::from_builder(builder).unwrap();
    assert!(!format!("{transport:?}").contains("s3cret"));
    let server = Server::start().await;
    server.token_endpoint().cut_next(1).hang_up_next(1);
    let url = format!("{}?key=s3cret", server.token_url());
    let nowhere = format!("{NOWHERE}/?key=s3cret");
    for url in [&url, &url, &nowhere] {
        let error = send(&transport, url, LONG).await.unwrap_err();
        let shown = shown(&error);
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(!shown.contains("client_secret"), "{shown}");
    }
}
