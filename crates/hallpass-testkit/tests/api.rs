//! What the API echoes and refuses.

mod common;

use common::{call, send, token};
use hallpass_testkit::{Challenge, Server, fnv1a64};

#[tokio::test]
async fn a_body_arrives_byte_for_byte() {
    let server = Server::start().await;
    let bearer = format!("Bearer {}", token(&server).await);
    let body: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let url = format!("{}/orders?page=2", server.url());
    for n in 1..=2 {
        let got = send("PUT", &url, &[("authorization", &bearer)], body.clone())
            .await
            .json();
        assert_eq!(got["path"], "/orders");
        assert_eq!(got["method"], "PUT");
        assert_eq!(got["body_len"], 300_000);
        assert_eq!(got["body_fnv1a64"], format!("{:016x}", fnv1a64(&body)));
        assert_eq!(got["n"], n);
    }
    let journal = server.journal();
    let entry = journal.api().next_back().expect("an entry");
    assert_eq!(entry.body, body);
    assert_eq!(entry.query.as_deref(), Some("page=2"));
}

#[test]
fn the_digest_is_the_published_one() {
    assert_eq!(fnv1a64(b""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(fnv1a64(b"foobar"), 0x8594_4171_f739_67e8);
    assert_eq!(fnv1a64(b"abc"), 0xe71f_a219_0541_574b);
}

#[tokio::test]
async fn some_paths_are_forbidden_to_everybody() {
    let server = Server::start().await;
    assert_eq!(
        call(&server, &token(&server).await, "/forbidden")
            .await
            .status,
        403
    );
    assert_eq!(call(&server, "guess", "/forbidden/deep").await.status, 403);
    assert_eq!(
        call(&server, &token(&server).await, "/forbidden-not")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn two_authorization_headers_are_one_too_many() {
    let server = Server::start().await;
    let bearer = format!("Bearer {}", token(&server).await);
    let headers = [("authorization", &*bearer), ("authorization", &*bearer)];
    assert_eq!(send("GET", &server.url(), &headers, "").await.status, 400);
}

#[tokio::test]
async fn the_challenge_is_switchable() {
    let server = Server::start().await;
    let ways = [
        (
            Challenge::InvalidToken,
            Some("Bearer error=\"invalid_token\""),
        ),
        (Challenge::Bare, Some("Bearer")),
        (Challenge::None, None),
        (
            Challenge::Custom("DPoP algs=\"ES256\"".into()),
            Some("DPoP algs=\"ES256\""),
        ),
    ];
    for (way, written) in ways {
        server.api().challenge(way);
        let got = call(&server, "guess", "/x").await;
        assert_eq!((got.status, got.header("www-authenticate")), (401, written));
    }
    server.api().reset();
    let anonymous = send("GET", &server.url(), &[], "").await;
    assert_eq!(
        (anonymous.status, anonymous.header("www-authenticate")),
        (401, Some("Bearer"))
    );
}
