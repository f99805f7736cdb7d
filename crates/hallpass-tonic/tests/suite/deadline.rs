//! A call's own deadline covers the wait for a credential.

use std::{sync::Arc, time::Duration};

use crate::common::{EchoClient, Issuer, cause, message, start, tokens};
use tokio::time::{Instant, timeout};
use tonic::{Code, Request};

fn within(limit: Duration, text: &str) -> Request<crate::common::proto::Message> {
    let mut request = Request::new(message(text));
    request.set_timeout(limit);
    request
}

#[tokio::test]
async fn it_bounds_the_first_wait() {
    let (server, issuer, mut client) = start().await;
    issuer.takes(Duration::from_secs(2));
    let start = Instant::now();
    let status = client
        .unary(within(Duration::from_millis(200), "a"))
        .await
        .unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(cause(&status).is_timeout());
    assert_eq!(
        status.message(),
        "no credential within the call's deadline of 0.2 s"
    );
    assert_eq!(server.gate.calls(), 0);
    // The fetch went on.
    client.unary(message("a")).await.unwrap();
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn it_bounds_the_wait_for_a_replay() {
    let (server, issuer, mut client) = start().await;
    client.unary(message("a")).await.unwrap();
    server.gate.revoke();
    issuer.takes(Duration::from_secs(2));
    let status = client
        .unary(within(Duration::from_millis(200), "a"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(server.gate.bearers(), tokens(["token-1", "token-1"]));
}

#[tokio::test]
async fn what_the_wait_took_is_taken_off() {
    let (server, issuer, mut client) = start().await;
    issuer.takes(Duration::from_millis(300));
    client
        .unary(within(Duration::from_secs(10), "a"))
        .await
        .unwrap();
    // Without a wait next to nothing is taken off.
    client
        .unary(within(Duration::from_secs(10), "a"))
        .await
        .unwrap();
    server.gate.revoke();
    client
        .unary(within(Duration::from_secs(10), "a"))
        .await
        .unwrap();
    let sent: Vec<u64> = server
        .gate
        .headers()
        .iter()
        .map(|headers| {
            let value = headers["grpc-timeout"].to_str().unwrap();
            value.strip_suffix('u').unwrap().parse().unwrap()
        })
        .collect();
    assert!((8_000_000..=9_700_000).contains(&sent[0]), "{sent:?}");
    // As the caller wrote it, or less what a busy machine took.
    assert!((9_700_001..=10_000_000).contains(&sent[1]), "{sent:?}");
    assert!((8_000_000..=9_700_000).contains(&sent[3]), "{sent:?}");
}

#[tokio::test]
async fn the_rest_of_it_bounds_the_call() {
    let (_server, issuer, mut client) = start().await;
    issuer.takes(Duration::from_millis(400));
    let start = Instant::now();
    // tonic's own word for its own timeout.
    let status = client
        .unary(within(Duration::from_millis(800), "slow"))
        .await
        .unwrap_err();
    assert!(
        start.elapsed() < Duration::from_millis(1150),
        "{:?}",
        start.elapsed()
    );
    assert!(
        matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded),
        "{status:?}"
    );
}

#[tokio::test]
async fn a_dropped_call_leaves_the_fetch_to_others() {
    let (server, issuer, client) = start().await;
    issuer.takes(Duration::from_millis(300));
    let mut leaving = client.clone();
    let call = leaving.unary(message("a"));
    assert!(timeout(Duration::from_millis(50), call).await.is_err());
    let mut staying: EchoClient<_> = client.clone();
    staying.unary(message("b")).await.unwrap();
    assert_eq!((issuer.fetches(), server.gate.calls()), (1, 1));
    let _: &Arc<Issuer> = &issuer;
}
