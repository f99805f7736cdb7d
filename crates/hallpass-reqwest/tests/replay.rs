//! A refused credential: one renewal, one replay, and the answers that are none of that.
#![cfg(all(feature = "rustls", feature = "transport"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{
    collections::HashSet,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use common::{LONG, attempt, cached, client, statuses, warm};
use futures_util::stream;
use hallpass_core::Cached;
use hallpass_reqwest::Bearer;
use hallpass_testkit::{Challenge, Server, fnv1a64};
use http_body_util::Full;
use reqwest::{Body, Client};
use reqwest_middleware::RequestBuilder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_refused_request_is_sent_once_more() {
    for http2 in [false, true] {
        let server = Server::start().await;
        let cached = cached(&server);
        cached.get().await.unwrap();
        let builder = Client::builder();
        let builder = if http2 {
            builder.http2_prior_knowledge()
        } else {
            builder
        };
        let client = Bearer::new(cached.clone()).client_from(builder).unwrap();

        server.revoke_all();
        let response = client.get(server.url()).send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), attempt(&response)),
            (200, Some((2, true, true)))
        );
        drop(response);

        server.revoke_all();
        let sent = br#"{"amount":12}"#;
        let response = client
            .post(format!("{}/orders?a=b", server.url()))
            .header("idempotency-key", "k")
            .json(&serde_json::json!({"amount": 12}))
            .send()
            .await
            .unwrap();
        assert_eq!(attempt(&response), Some((3, true, true)));
        let echo: serde_json::Value = response.json().await.unwrap();
        assert_eq!(echo["body_fnv1a64"], format!("{:016x}", fnv1a64(sent)));

        let journal = server.journal();
        let [first, again] =
            [journal.api().rev().nth(1), journal.api().next_back()].map(Option::unwrap);
        assert_eq!((first.status, again.status), (401, 200));
        assert_ne!(first.bearer(), again.bearer());
        assert_eq!(again.headers.get_all("authorization").iter().count(), 1);
        let without = |entry: &hallpass_testkit::Entry| {
            let mut headers = entry.headers.clone();
            headers.remove("authorization");
            (
                entry.method.clone(),
                entry.path.clone(),
                entry.query.clone(),
                entry.body.clone(),
                headers,
            )
        };
        assert_eq!(without(first), without(again));
        let stats = cached.stats();
        assert_eq!((stats.fetches, stats.rejections, stats.replays), (3, 2, 2));
        // The short 401s were read, so that one connection served it all.
        let connections: HashSet<_> = journal.api().map(|entry| entry.connection).collect();
        assert_eq!(connections.len(), 1);
    }
}

/// A stream of two parts, and bytes in memory that reqwest takes for a stream.
fn streams(long: usize) -> [Body; 2] {
    let parts = [Ok::<_, Infallible>(vec![7; long - 1]), Ok(vec![7])];
    let whole = Full::new(Bytes::from(vec![7; long]));
    [Body::wrap_stream(stream::iter(parts)), Body::wrap(whole)]
}

const LIMIT: usize = hallpass_tower::REPLAY_LIMIT;

/// Which statuses the server has given to a request with a revoked token and to the next.
async fn revoked(bearer: impl Fn(Cached) -> Bearer, long: usize, which: usize) -> Vec<u16> {
    let server = Server::start().await;
    let cached = cached(&server);
    cached.get().await.unwrap();
    let client = client(bearer(cached));
    let put = || {
        let body = streams(long).into_iter().nth(which).unwrap();
        client.put(server.url()).body(body)
    };
    server.revoke_all();
    let first = status(put()).await;
    assert_eq!(status(put()).await, 200);
    let statuses = statuses(&server);
    assert_eq!(statuses[0], 401);
    assert_eq!(first, if statuses.len() == 3 { 200 } else { 401 });
    let journal = server.journal();
    assert!(journal.api().all(|entry| entry.body == vec![7; long]));
    statuses
}

#[tokio::test]
async fn a_stream_is_replayed_up_to_the_limit() {
    for which in [0, 1] {
        for long in [3, LIMIT] {
            assert_eq!(revoked(Bearer::new, long, which).await, [401, 200, 200]);
        }
        let wider = |cached| Bearer::new(cached).replay_limit(2 * LIMIT);
        assert_eq!(revoked(wider, LIMIT + 1, which).await, [401, 200, 200]);
        let none = |cached| Bearer::new(cached).replay_limit(0);
        assert_eq!(revoked(none, 3, which).await, [401, 200]);
    }
}

#[tokio::test]
async fn a_stream_past_the_limit_is_not_and_bytes_in_memory_are() {
    assert_eq!(revoked(Bearer::new, LIMIT + 1, 0).await, [401, 200]);
    assert_eq!(revoked(Bearer::new, 4 * LIMIT, 1).await, [401, 200, 200]);
}

#[tokio::test]
async fn without_replay_the_next_request_heals() {
    let server = Server::start().await;
    let cached = cached(&server);
    cached.get().await.unwrap();
    let client = client(Bearer::new(cached.clone()).without_replay());
    server.revoke_all();
    assert_eq!(status(client.get(server.url())).await, 401);
    assert_eq!(status(client.get(server.url())).await, 200);
    assert_eq!((cached.stats().rejections, cached.stats().replays), (1, 0));
}

#[tokio::test]
async fn answers_that_say_nothing_about_the_credential_are_returned() {
    let server = Server::start().await;
    let (client, cached) = warm(&server).await;
    assert_eq!(
        status(client.get(format!("{}/forbidden", server.url()))).await,
        403
    );
    for code in [400, 403, 404, 407, 419, 500, 503] {
        server.api().respond_next(1, code, &[], "");
        assert_eq!(status(client.get(server.url())).await, code);
    }
    let scope = Challenge::Custom("Bearer error=\"insufficient_scope\"".to_owned());
    server.api().challenge(scope).reject_next(1);
    assert_eq!(status(client.get(server.url())).await, 401);
    let stats = cached.stats();
    assert_eq!((stats.fetches, stats.rejections), (1, 0));
}

#[tokio::test]
async fn a_predicate_adds_answers() {
    let server = Server::start().await;
    let client = client(Bearer::new(cached(&server)).rejected_when(|status, _| status == 419));
    server.api().respond_next(1, 419, &[], "");
    assert_eq!(status(client.get(server.url())).await, 200);
    assert_eq!(statuses(&server), [419, 200]);
}

#[tokio::test]
async fn a_second_refusal_is_returned() {
    let server = Server::start().await;
    let (client, cached) = warm(&server).await;
    server.api().reject_next(100);
    for _ in 0..5 {
        assert_eq!(status(client.get(server.url())).await, 401);
    }
    // One replay; within the gap nothing more is fetched.
    assert_eq!(statuses(&server).len(), 6);
    assert_eq!(cached.stats().fetches, 2);
}

#[tokio::test]
async fn without_another_credential_the_refusal_is_the_answer() {
    let server = Server::start().await;
    let (client, _) = warm(&server).await;
    server.revoke_all();
    server.token_endpoint().fail_next(10, 400);
    assert_eq!(status(client.get(server.url())).await, 401);
    assert_eq!(statuses(&server), [401]);
    server.token_endpoint().reset();

    // Nor does a request wait for one past the end of its own time.
    let (client, _) = warm(&server).await;
    server.revoke_all();
    let _hold = server.token_endpoint().hold();
    let request = client.get(server.url()).timeout(common::SHORT);
    assert_eq!(status(request).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_refusals_at_once_cost_one_token_request() {
    let server = Server::start().await;
    let (client, cached) = warm(&server).await;
    server.revoke_all();
    let hold = server.api().hold();
    let requests: Vec<_> = (0..1000)
        .map(|_| tokio::spawn(client.get(server.url()).send()))
        .collect();
    hold.arrived(1000).await;
    hold.release();
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().status(), 200);
    }
    let journal = server.journal();
    assert_eq!(
        (journal.api_with_status(401), journal.api_with_status(200)),
        (1000, 1000)
    );
    assert_eq!(journal.token_requests(), 2);
    assert_eq!(cached.stats().replays, 1000);
}

#[tokio::test]
async fn a_request_s_timeout_is_one_for_both_sendings() {
    let server = Server::start().await;
    let (client, _) = warm(&server).await;
    server.revoke_all();
    let pause = Duration::from_millis(300);
    server.api().delay_next(1, pause).delay_next(1, LONG);
    let started = tokio::time::Instant::now();
    let request = client.get(server.url()).timeout(pause * 2);
    let error = request.send().await.unwrap_err();
    assert!(error.is_timeout() && !error.is_middleware());
    assert!(started.elapsed() < pause * 3, "{:?}", started.elapsed());
}

/// Answers each connection's first request with a 401 of this body, and the others with 200.
async fn refusing(head: &'static str, body: Vec<u8>) -> (String, Arc<AtomicU64>) {
    let connections = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&connections);
    let address = common::scripted(move |number, mut stream| {
        count.store(number, Ordering::SeqCst);
        let body = body.clone();
        async move {
            let mut seen = Vec::new();
            let mut refused = number > 1;
            while stream.read_buf(&mut seen).await.unwrap_or(0) > 0 {
                if !seen.ends_with(b"\r\n\r\n") {
                    continue;
                }
                seen.clear();
                if refused {
                    let _ = stream
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                        .await;
                } else {
                    refused = true;
                    let _ = stream.write_all(head.as_bytes()).await;
                    let _ = stream.write_all(&body).await;
                }
            }
        }
    })
    .await;
    (format!("http://{address}/"), connections)
}

#[tokio::test]
async fn a_short_answer_is_read_and_a_long_or_slow_one_dropped() {
    for (head, body, connections) in [
        ("HTTP/1.1 401 No\r\ncontent-length: 16384\r\n\r\n", 16384, 1),
        ("HTTP/1.1 401 No\r\ncontent-length: 16385\r\n\r\n", 16385, 2),
        ("HTTP/1.1 401 No\r\ncontent-length: 100\r\n\r\n", 50, 2),
    ] {
        let (url, count) = refusing(head, vec![b' '; body]).await;
        let server = Server::start().await;
        let client = client(Bearer::new(cached(&server)));
        let sending = tokio::time::timeout(LONG, client.get(url).send());
        assert_eq!(sending.await.unwrap().unwrap().status(), 200);
        let met = count.load(Ordering::SeqCst);
        assert_eq!(met, connections, "{head}");
    }
}
