//! Outages, rules for paths, connections that end, and gRPC's trailers.
#![allow(clippy::expect_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use common::{GRANT, Got, Http, ask, call, http, http2, send, token, try_send};
use hallpass_testkit::{Reissue, RouteAnswer, Server};
use http::{HeaderMap, Request, Version};
use http_body_util::{BodyExt as _, Full};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

async fn asked(server: &Server) -> Got {
    ask(server, "client", "secret", GRANT).await
}

async fn bearer(server: &Server) -> String {
    format!("Bearer {}", token(server).await)
}

#[tokio::test]
async fn an_endpoint_is_down_until_it_is_up() {
    let server = Server::start().await;
    let endpoint = server.token_endpoint();
    endpoint.down(429).retry_after(3).fail_next(1, 500);
    assert_eq!(asked(&server).await.status, 500);
    for _ in 0..3 {
        let got = asked(&server).await;
        assert_eq!((got.status, got.header("retry-after")), (429, Some("3")));
    }
    endpoint.up();
    assert_eq!(asked(&server).await.status, 200);
    endpoint.down(503).reset();
    assert_eq!(asked(&server).await.status, 200);
}

#[tokio::test]
async fn the_token_endpoint_is_down_after_a_refusal() {
    let server = Server::start().await;
    let token = token(&server).await;
    server.api().reject_next(1);
    server.token_endpoint().down(503);
    assert_eq!(call(&server, &token, "/x").await.status, 401);
    assert_eq!(asked(&server).await.status, 503);
    assert_eq!(call(&server, &token, "/x").await.status, 200);
}

#[tokio::test]
async fn a_request_hangs_until_its_caller_leaves() {
    let server = Server::start().await;
    server.token_endpoint().hang_next(1);
    let limit = Duration::from_millis(100);
    assert!(tokio::time::timeout(limit, asked(&server)).await.is_err());
    assert_eq!(asked(&server).await.status, 200);
    let statuses: Vec<_> = server
        .journal()
        .tokens()
        .map(|entry| entry.status)
        .collect();
    assert_eq!(statuses, [0, 200]);
}

#[tokio::test]
async fn a_path_answers_the_test_s_json_behind_the_token_check() {
    let server = Server::start().await;
    let accounts = serde_json::json!([{"id": 1}]);
    server.api().route("/accounts", accounts.clone());
    assert_eq!(call(&server, "guess", "/accounts").await.status, 401);
    let token = token(&server).await;
    let got = call(&server, &token, "/accounts?page=2").await;
    assert_eq!((got.status, got.json()), (200, accounts));
    assert_eq!(got.header("content-type"), Some("application/json"));
    assert_eq!(call(&server, &token, "/accounts/1").await.json()["n"], 3);
    server.revoke_all();
    assert_eq!(call(&server, &token, "/accounts").await.status, 401);

    let answer = serde_json::json!({"access_token": "mine", "token_type": "Bearer"});
    server.token_endpoint().route("/token", answer.clone());
    assert_eq!(asked(&server).await.json(), answer);
    assert_eq!(ask(&server, "client", "wrong", GRANT).await.status, 401);
}

#[tokio::test]
async fn a_route_is_for_a_method_and_for_any_segment() {
    let server = Server::start().await;
    server
        .api()
        .route("/orders", json!("any"))
        .route("POST /orders", (201, json!({"id": 7})))
        .route("GET /orders/{id}", (404, json!({"error": "not_found"})))
        .route("GET /orders/7", json!({"id": 7}))
        .route(
            "DELETE /orders/7",
            RouteAnswer::empty(204).with_header("x-kept", "no"),
        );
    assert_eq!(
        send("POST", &format!("{}/orders", server.url()), &[], "")
            .await
            .status,
        401
    );
    let bearer = bearer(&server).await;
    let ask = async |method: &str, path: &str| {
        let headers = [("authorization", &*bearer)];
        let url = format!("{}{path}", server.url());
        send(method, &url, &headers, "").await
    };
    assert_eq!(ask("GET", "/orders?page=2").await.json(), "any");
    let created = ask("POST", "/orders").await;
    assert_eq!(
        (created.status, created.json()["id"].as_u64()),
        (201, Some(7))
    );
    assert_eq!(ask("GET", "/orders/8").await.status, 404);
    assert_eq!(ask("GET", "/orders/7").await.json()["id"], 7);
    let deleted = ask("DELETE", "/orders/7").await;
    assert_eq!((deleted.status, deleted.text().len()), (204, 0));
    assert_eq!(deleted.header("x-kept"), Some("no"));
    // What no route fits is echoed, as is a segment that is empty.
    assert_eq!(ask("PUT", "/orders/7").await.json()["path"], "/orders/7");
    assert_eq!(ask("GET", "/orders/").await.json()["path"], "/orders/");

    // The latest counts, and one that is set again is the latest.
    server.api().route("/orders", json!("again"));
    assert_eq!(ask("POST", "/orders").await.json(), "again");
}

#[tokio::test]
async fn a_function_answers_with_what_it_saw() {
    let server = Server::start().await;
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    server
        .api()
        .route_with("GET /accounts", |request| match request.parameter("page") {
            None => json!({"items": [1, 2], "next": "b c"}),
            Some(page) => json!({"items": [3], "next": null, "page": page}),
        })
        .route_with("POST /accounts", move |request| {
            counter.fetch_add(1, Ordering::SeqCst);
            match request.json() {
                Some(body) => (201, json!({"created": body["name"]})),
                None => (400, json!({"error": "not JSON"})),
            }
        });
    let bearer = bearer(&server).await;
    let headers = [("authorization", &*bearer)];
    let url = format!("{}/accounts", server.url());
    assert_eq!(send("POST", &url, &[], "{}").await.status, 401);
    assert_eq!(seen.load(Ordering::SeqCst), 0, "it is behind the check");
    let first = send("GET", &url, &headers, "").await.json();
    assert_eq!(first["next"], "b c");
    let second = send("GET", &format!("{url}?page=b%20c"), &headers, "").await;
    assert_eq!(second.json()["page"], "b c");
    let made = send("POST", &url, &headers, r#"{"name":"x"}"#).await;
    assert_eq!(
        (made.status, made.json()["created"].as_str()),
        (201, Some("x"))
    );
    assert_eq!(send("POST", &url, &headers, "no").await.status, 400);
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_path_answers_401_to_everybody() {
    let server = Server::start().await;
    server.api().refuse("/broken");
    let token = token(&server).await;
    for _ in 0..2 {
        let got = call(&server, &token, "/broken").await;
        assert_eq!(got.status, 401);
        assert_eq!(
            got.header("www-authenticate"),
            Some("Bearer error=\"invalid_token\"")
        );
    }
    assert_eq!(call(&server, &token, "/fine").await.status, 200);
    server.api().reset();
    assert_eq!(call(&server, &token, "/broken").await.status, 200);
}

#[tokio::test]
async fn a_post_is_accepted_and_redirected_to_what_answers_401() {
    let server = Server::start().await;
    server.api().refuse("/broken");
    let bearer = bearer(&server).await;
    let url = format!("{}/orders", server.url());
    let headers = [("authorization", &*bearer), ("idempotency-key", "order-1")];
    for status in [302, 303, 307] {
        server.clear_journal();
        server.api().redirect("/orders", status, "/broken");
        assert_eq!(send("POST", &url, &[], "order").await.status, 401);
        let got = send("POST", &url, &headers, "order").await;
        assert_eq!(
            (got.status, got.header("location")),
            (status, Some("/broken"))
        );
        assert_eq!(server.journal().duplicates("idempotency-key"), 0);
        let target = format!("{}/broken", server.url());
        assert_eq!(send("GET", &target, &headers, "").await.status, 401);
        send("POST", &url, &headers, "order").await;
        let journal = server.journal();
        assert_eq!(journal.duplicates("idempotency-key"), 1, "done twice");
        let bodies: Vec<_> = journal.api().map(|entry| entry.body.clone()).collect();
        assert_eq!(bodies, ["order", "order", "", "order"]);
    }
}

#[tokio::test]
async fn a_duplicate_is_one_that_was_accepted_before() {
    let server = Server::start().await;
    let bearer = bearer(&server).await;
    let post = async |path: &str, id: &str, authorization: &str| {
        let headers = [("authorization", authorization), ("x-request-id", id)];
        let url = format!("{}{path}", server.url());
        send("POST", &url, &headers, "").await.status
    };
    assert_eq!(post("/a", "1", "Bearer guess").await, 401);
    assert_eq!(post("/a", "1", &bearer).await, 200);
    assert_eq!(post("/a", "2", &bearer).await, 200);
    assert_eq!(post("/b", "1", &bearer).await, 200);
    let journal = server.journal();
    assert_eq!(journal.duplicates("x-request-id"), 0);
    assert_eq!(journal.duplicates("idempotency-key"), 0);
    for _ in 0..2 {
        assert_eq!(post("/a", "2", &bearer).await, 200);
    }
    assert_eq!(server.journal().duplicates("x-request-id"), 2);
}

#[tokio::test(start_paused = true)]
async fn new_tokens_are_refused_for_a_while_and_old_ones_are_not() {
    let lag = Duration::from_secs(30);
    let server = Server::builder().replication_lag(lag).start().await;
    let old = token(&server).await;
    assert_eq!(call(&server, &old, "/x").await.status, 401);
    tokio::time::advance(lag).await;
    assert_eq!(call(&server, &old, "/x").await.status, 200);
    let new = token(&server).await;
    assert_eq!(call(&server, &new, "/x").await.status, 401);
    assert_eq!(call(&server, &old, "/x").await.status, 200);
    server.set_replication_lag(Duration::ZERO);
    assert_eq!(call(&server, &new, "/x").await.status, 200);
}

#[tokio::test]
async fn the_same_token_is_handed_out_again() {
    let server = Server::start().await;
    let first = token(&server).await;
    server.set_reissue(Reissue::Sticky);
    assert_eq!(token(&server).await, first);
    server.set_reissue(Reissue::Fresh);
    assert_ne!(token(&server).await, first);
}

#[tokio::test]
async fn a_connection_breaks_unannounced_after_an_early_401() {
    let server = Server::start().await;
    let bearer = bearer(&server).await;
    let later = Duration::from_millis(60);
    server.api().reject_unread_next(1, later);
    let mut stream = TcpStream::connect(server.addr()).await.expect("connected");
    let head = format!("POST /x HTTP/1.1\r\nhost: a\r\nauthorization: {bearer}\r\n");
    let first = format!("{head}content-length: 90000\r\n\r\n");
    stream.write_all(first.as_bytes()).await.expect("written");
    let start = Instant::now();
    let mut answer = [0; 1024];
    let n = stream.read(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..n]).to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 401"), "{answer}");
    assert!(!answer.contains("connection: close"), "{answer}");
    stream.write_all(&vec![0; 90000]).await.expect("taken in");
    let replay = format!("{head}content-length: 0\r\n\r\n");
    stream.write_all(replay.as_bytes()).await.expect("taken in");
    let end = stream.read(&mut [0; 1024]).await;
    assert!(end.is_err(), "reset, not {end:?}");
    assert!(start.elapsed() >= later / 2);
    let journal = server.journal();
    let seen: Vec<_> = journal.api().map(|entry| entry.status).collect();
    assert_eq!(seen, [401]);
    assert_eq!(
        journal.api().map(|entry| entry.body.len()).sum::<usize>(),
        0
    );
    assert_eq!(
        send("POST", &server.url(), &[("authorization", &bearer)], "")
            .await
            .status,
        200
    );
}

async fn get(http: &Http, server: &Server, bearer: &str) -> Result<u16, String> {
    let url = format!("{}/x", server.url());
    let sent = try_send(http, "POST", &url, &[("authorization", bearer)], "body").await;
    sent.map(|got| got.status)
        .map_err(|error| format!("{error:?}"))
}

#[tokio::test]
async fn an_http2_connection_ends_with_goaway_at_the_request_exactly() {
    let server = Server::builder().goaway_after(3).start().await;
    // The client for tokens speaks HTTP/1.1, which passes.
    let bearer = bearer(&server).await;
    let http = http2();
    for _ in 0..2 {
        for _ in 0..3 {
            assert_eq!(get(&http, &server, &bearer).await, Ok(200));
        }
        // hyper-util says that it was not processed, and leaves the rest to layers above.
        let error = get(&http, &server, &bearer)
            .await
            .expect_err("not processed");
        assert!(
            error.contains("GoAway") || error.contains("go away"),
            "{error}"
        );
    }
    let journal = server.journal();
    assert_eq!(journal.api_requests(), 6);
    assert!(journal.api().all(|entry| entry.version == Version::HTTP_2));
    assert!(journal.api().all(|entry| entry.body == "body"));
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn requests_before_the_goaway_are_answered() {
    let server = Server::builder().goaway_after(2).start().await;
    let bearer = bearer(&server).await;
    let http = http2();
    assert_eq!(get(&http, &server, &bearer).await, Ok(200));
    let hold = server.api().hold();
    let slow = get(&http, &server, &bearer);
    let beyond = async {
        hold.arrived(1).await;
        assert!(get(&http, &server, &bearer).await.is_err());
        hold.release();
    };
    let (slow, ()) = tokio::join!(slow, beyond);
    assert_eq!(slow, Ok(200));
}

/// Status, `grpc-status` of the head, data, trailers.
async fn grpc(server: &Server) -> (u16, HeaderMap, Bytes, Option<HeaderMap>) {
    let request = Request::post(format!("{}/package.Service/Call", server.url()))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::from(&[0_u8; 5][..]))
        .expect("a request");
    let response = http2().request(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.expect("a body");
    let trailers = collected.trailers().cloned();
    (
        parts.status.as_u16(),
        parts.headers,
        collected.to_bytes(),
        trailers,
    )
}

#[tokio::test]
async fn a_grpc_status_comes_in_the_head_right_after_it_or_after_messages() {
    let server = Server::start().await;
    server
        .api()
        .grpc_trailers_only_next(1, 16)
        .grpc_trailers_next(1, 16, 0)
        .grpc_trailers_next(1, 16, 3);
    let (status, head, data, trailers) = grpc(&server).await;
    assert_eq!(
        (status, &head["grpc-status"]),
        (200, &"16".parse().expect("a value"))
    );
    assert_eq!((data.len(), trailers), (0, None));
    for length in [0, 15] {
        let (status, head, data, trailers) = grpc(&server).await;
        assert_eq!((status, head.get("grpc-status")), (200, None));
        assert_eq!(head["content-type"], "application/grpc");
        assert_eq!(data.len(), length);
        let trailers = trailers.expect("trailers");
        assert_eq!(trailers.len(), 1);
        assert_eq!(trailers["grpc-status"], "16");
    }
}

#[tokio::test]
async fn any_trailers_can_be_sent() {
    let server = Server::start().await;
    server.api().respond_with_trailers_next(
        1,
        200,
        &[("x-a", "1")],
        "body",
        &[("x-checksum", "2")],
    );
    let (status, head, data, trailers) = grpc(&server).await;
    assert_eq!((status, &*data), (200, &b"body"[..]));
    assert_eq!(head["x-a"], "1");
    assert_eq!(trailers.expect("trailers")["x-checksum"], "2");
}

#[tokio::test]
async fn http1_passes_a_server_that_says_goaway() {
    let server = Server::builder().goaway_after(1).start().await;
    let bearer = bearer(&server).await;
    let http = http();
    for _ in 0..3 {
        assert_eq!(get(&http, &server, &bearer).await, Ok(200));
    }
}
