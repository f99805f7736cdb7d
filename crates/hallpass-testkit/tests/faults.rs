//! Every switch for faults does what it says, once.

mod common;

use std::time::Duration;

use common::{FORM, GRANT, ask, basic, call, http, http2, send, token, try_send};
use hallpass_testkit::{Malformed, RouteAnswer, Server, System};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

async fn asked(server: &Server) -> common::Got {
    ask(server, "client", "secret", GRANT).await
}

#[tokio::test]
async fn failures_queue_up_and_carry_retry_after() {
    let server = Server::start().await;
    server
        .token_endpoint()
        .fail_next(2, 503)
        .retry_after(7)
        .fail_next(1, 400);
    for (status, error) in [
        (503, "temporarily_unavailable"),
        (503, "temporarily_unavailable"),
        (400, "invalid_request"),
    ] {
        let got = asked(&server).await;
        assert_eq!(
            (got.status, got.json()["error"].as_str()),
            (status, Some(error))
        );
        assert_eq!(got.header("retry-after"), Some("7"));
    }
    let fine = asked(&server).await;
    assert_eq!((fine.status, fine.header("retry-after")), (200, None));

    server
        .token_endpoint()
        .retry_after("Sun, 06 Nov 1994 08:49:37 GMT")
        .fail_next(1, 429);
    assert_eq!(
        asked(&server).await.header("retry-after"),
        Some("Sun, 06 Nov 1994 08:49:37 GMT")
    );
    server
        .token_endpoint()
        .retry_after(Duration::from_secs(3))
        .fail_next(2, 1);
    let odd = asked(&server).await;
    assert_eq!((odd.status, odd.header("retry-after")), (500, Some("3")));
    server.token_endpoint().reset();
    assert_eq!(asked(&server).await.status, 200);
}

#[tokio::test]
async fn a_failure_speaks_the_vendors_language() {
    let server = Server::builder().system(System::Atlar).start().await;
    server.api().fail_next(1, 503);
    assert_eq!(
        call(&server, &token(&server).await, "/x").await.json()["status"],
        503
    );
}

#[tokio::test]
async fn valid_credentials_are_rejected_on_demand() {
    let server = Server::start().await;
    let token = token(&server).await;
    server.api().reject_next(1);
    let got = call(&server, &token, "/x").await;
    assert_eq!(got.status, 401);
    assert_eq!(
        got.header("www-authenticate"),
        Some("Bearer error=\"invalid_token\"")
    );
    assert_eq!(call(&server, &token, "/x").await.status, 200);
    server.token_endpoint().reject_next(1);
    assert_eq!(asked(&server).await.json()["error"], "invalid_client");
    assert_eq!(server.journal().api_with_status(401), 1);
    assert_eq!(server.journal().token_with_status(401), 1);
}

#[tokio::test]
async fn an_answer_is_cut_in_the_middle() {
    let server = Server::start().await;
    server.token_endpoint().cut_next(1);
    let got = asked(&server).await;
    assert_eq!(got.status, 200, "the head arrives");
    assert!(got.body.is_err());
    assert_eq!(server.tokens_issued(), 1);

    let url = format!("{}/x", server.url());
    let bearer = format!("Bearer {}", token(&server).await);
    server.api().cut_next(1);
    let got = try_send(&http2(), "GET", &url, &[("authorization", &bearer)], "")
        .await
        .expect("a head");
    assert!(got.body.is_err());
}

#[tokio::test]
async fn a_stream_is_refused_unseen() {
    let server = Server::start().await;
    server.api().refuse_stream_next(1);
    let url = format!("{}/x", server.url());
    let bearer = format!("Bearer {}", token(&server).await);
    let headers = [("authorization", bearer.as_str())];
    let client = http2();
    let error = try_send(&client, "POST", &url, &headers, "body").await;
    assert!(format!("{error:?}").contains("REFUSED_STREAM"), "{error:?}");
    let journal = server.journal();
    assert_eq!(journal.api_requests(), 1);
    assert!(
        journal
            .api()
            .all(|entry| entry.status == 0 && entry.body.is_empty())
    );
    let got = try_send(&client, "POST", &url, &headers, "body").await;
    assert_eq!(got.expect("an answer").status, 200);
}

#[tokio::test]
async fn a_route_speaks_grpc() {
    let server = Server::start().await;
    server
        .api()
        .route("/acme.Api/Call", RouteAnswer::grpc(b"done"));
    let got = call(&server, &token(&server).await, "/acme.Api/Call").await;
    assert_eq!(got.header("content-type"), Some("application/grpc"));
    assert_eq!(got.text(), "\0\0\0\0\u{4}done");
    assert_eq!(call(&server, "guess", "/acme.Api/Call").await.status, 401);
}

#[tokio::test]
async fn a_caller_is_hung_up_on() {
    let server = Server::start().await;
    server.token_endpoint().hang_up_next(1);
    let headers = [
        ("authorization", &*basic("client", "secret")),
        ("content-type", FORM),
    ];
    assert!(
        try_send(&http(), "POST", &server.token_url(), &headers, GRANT)
            .await
            .is_err()
    );
    assert_eq!(
        server.journal().tokens().next().map(|entry| entry.status),
        Some(0)
    );
    assert_eq!(asked(&server).await.status, 200);
}

#[tokio::test]
async fn any_answer_can_be_given() {
    let server = Server::start().await;
    server.api().respond_next(
        1,
        307,
        &[("location", "http://127.0.0.1:1/"), ("x-a", "1")],
        "moved",
    );
    let got = call(&server, "whatever", "/x").await;
    assert_eq!(
        (got.status, got.header("location")),
        (307, Some("http://127.0.0.1:1/"))
    );
    assert_eq!(
        (got.header("x-a"), got.text().as_str()),
        (Some("1"), "moved")
    );
    assert_eq!(call(&server, "whatever", "/x").await.status, 401);
}

#[tokio::test]
async fn answers_are_delayed() {
    let server = Server::start().await;
    let endpoint = server.token_endpoint();
    endpoint
        .delay_next(1, Duration::from_millis(80))
        .delay(Duration::from_millis(30));
    for least in [80, 30] {
        let start = Instant::now();
        asked(&server).await;
        assert!(start.elapsed() >= Duration::from_millis(least));
    }
    endpoint.delay(Duration::ZERO);
}

#[tokio::test]
async fn answers_are_held_until_released() {
    let server = Server::start().await;
    let hold = server.token_endpoint().hold();
    let asking = async { tokio::join!(asked(&server), asked(&server)) };
    let releasing = async {
        hold.arrived(2).await;
        assert_eq!(hold.waiting(), 2);
        assert_eq!(server.journal().token_requests(), 2);
        assert_eq!(server.journal().token_with_status(200), 0);
        hold.release();
    };
    let ((first, second), ()) = tokio::join!(asking, releasing);
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(server.journal().token_with_status(200), 2);
}

#[tokio::test]
async fn a_held_caller_who_leaves_is_no_longer_waiting() {
    let server = Server::start().await;
    let hold = server.token_endpoint().hold();
    tokio::select! {
        _ = asked(&server) => unreachable!("it is held"),
        () = hold.arrived(1) => {}
    }
    while hold.waiting() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_401_can_come_before_the_body_is_read() {
    let server = Server::start().await;
    server.api().answer_early(true);
    let url = format!("{}/x", server.url());
    let got = send("POST", &url, &[("authorization", "Bearer guess")], "unread").await;
    assert_eq!(got.status, 401);
    let bearer = format!("Bearer {}", token(&server).await);
    let got = send("POST", &url, &[("authorization", &bearer)], "read").await;
    assert_eq!(got.json()["body_len"], 4);
    server.api().reject_next(1);
    assert_eq!(
        send("POST", &url, &[("authorization", &bearer)], "unread")
            .await
            .status,
        401
    );
    let lengths: Vec<_> = server
        .journal()
        .api()
        .map(|entry| entry.body.len())
        .collect();
    assert_eq!(lengths, [0, 4, 0]);
}

#[tokio::test]
async fn an_early_401_does_not_wait_for_the_body() {
    let server = Server::start().await;
    server.api().answer_early(true);
    let mut stream = TcpStream::connect(server.addr())
        .await
        .expect("a connection");
    let head =
        "POST /x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer guess\r\ncontent-length: 9\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .expect("read to the closing");
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

/// Asks on this connection, and reads the head of the answer.
#[allow(clippy::expect_used, reason = "a helper of tests fails by panicking")]
async fn ask_on(stream: &mut TcpStream) {
    let head = b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(head).await.expect("written");
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        seen.push(stream.read_u8().await.expect("an answer"));
    }
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let server = Server::start().await;
    let connect = || async { TcpStream::connect(server.addr()).await.expect("open") };
    let mut rest = Vec::new();
    let mut stream = connect().await;
    ask_on(&mut stream).await;
    server.api().close_idle();
    stream.read_to_end(&mut rest).await.expect("the closing");
    assert_eq!(server.connections(), 1);
    server.api().close_each(true);
    let mut stream = connect().await;
    ask_on(&mut stream).await;
    stream.read_to_end(&mut rest).await.expect("the closing");
    assert_eq!(server.journal().api_requests(), 2);
}

#[tokio::test]
async fn successful_answers_are_spoilt() {
    let server = Server::start().await;
    let spoilt = async |how| {
        server.token_endpoint().malformed_next(1, how);
        asked(&server).await
    };
    assert!(
        spoilt(Malformed::Html)
            .await
            .header("content-type")
            .is_some_and(|value| value.starts_with("text/html"))
    );
    assert_eq!(spoilt(Malformed::EmptyBody).await.text(), "");
    assert_eq!(spoilt(Malformed::NoContent).await.status, 204);
    for how in [
        Malformed::NotJson,
        Malformed::NotUtf8,
        Malformed::Truncated,
        Malformed::ByteOrderMark,
    ] {
        let body = spoilt(how).await.body.expect("a body");
        assert!(serde_json::from_slice::<Value>(&body).is_err(), "{how:?}");
    }
    assert_eq!(spoilt(Malformed::Array).await.text(), "[]");
    assert_eq!(spoilt(Malformed::Null).await.text(), "null");
    assert!(
        spoilt(Malformed::MissingToken)
            .await
            .json()
            .get("access_token")
            .is_none()
    );
    assert_eq!(
        spoilt(Malformed::EmptyToken).await.json()["access_token"],
        ""
    );
    assert!(spoilt(Malformed::NullToken).await.json()["access_token"].is_null());
    assert_eq!(
        spoilt(Malformed::DuplicateToken)
            .await
            .text()
            .matches("access_token")
            .count(),
        2
    );
    assert!(
        spoilt(Malformed::CrLfInToken).await.json()["access_token"]
            .as_str()
            .is_some_and(|t| t.contains("\r\n"))
    );
    assert!(
        spoilt(Malformed::NoTokenType)
            .await
            .json()
            .get("token_type")
            .is_none()
    );
    assert!(spoilt(Malformed::NullTokenType).await.json()["token_type"].is_null());
    assert_eq!(
        spoilt(Malformed::TokenTypeMac).await.json()["token_type"],
        "mac"
    );
    assert!(spoilt(Malformed::ScopeArray).await.json()["scope"].is_array());
    assert_eq!(
        spoilt(Malformed::Huge(2_000_000)).await.text().len(),
        2_000_000
    );
    assert_eq!(
        spoilt(Malformed::HugeToken(70_000)).await.json()["access_token"]
            .as_str()
            .map(str::len),
        Some(70_000)
    );
    let error = spoilt(Malformed::ErrorWith200).await;
    assert_eq!(
        (error.status, error.json()["error"].as_str()),
        (200, Some("invalid_client"))
    );
    assert_eq!(
        spoilt(Malformed::TextPlain).await.header("content-type"),
        Some("text/plain")
    );
    assert_eq!(
        spoilt(Malformed::Untyped).await.header("content-type"),
        None
    );

    let lower = spoilt(Malformed::TokenTypeLower).await.json();
    assert_eq!(lower["token_type"], "bearer");
    let usable = lower["access_token"].as_str().expect("a token");
    assert_eq!(call(&server, usable, "/x").await.status, 200);

    server.token_endpoint().malformed_next(1, Malformed::Html);
    assert_eq!(
        ask(&server, "client", "guess", GRANT).await.status,
        401,
        "a refusal stays one"
    );
}

#[tokio::test]
async fn answers_are_compressed_whatever_is_taken() {
    let server = Server::start().await;
    for (how, most) in [
        (Malformed::Gzip, 300),
        (Malformed::GzipBomb(2_000_000), 40_000),
    ] {
        server.token_endpoint().malformed_next(1, how);
        let compressed = asked(&server).await;
        assert_eq!(compressed.header("content-encoding"), Some("gzip"));
        let body = compressed.body.expect("a body");
        assert!(
            body.starts_with(&[0x1f, 0x8b]) && body.len() < most,
            "{how:?}"
        );
    }
}
