//! How long tokens live, what they say of it, and what becomes of them.

mod common;

use std::time::Duration;

use common::{GRANT, ask, call, claims, token};
use hallpass_testkit::{ExpiresIn, Reissue, Server, System, TokenFormat};
use serde_json::json;

#[tokio::test]
async fn a_revoked_token_is_refused() {
    let server = Server::start().await;
    let (first, second) = (token(&server).await, token(&server).await);
    assert_eq!(call(&server, &first, "/x").await.status, 200);
    assert!(server.revoke(&first));
    assert!(!server.revoke(&first));
    let refused = call(&server, &first, "/x").await;
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.header("www-authenticate"),
        Some("Bearer error=\"invalid_token\"")
    );
    assert_eq!(call(&server, &second, "/x").await.status, 200);
    server.revoke_all();
    assert_eq!(call(&server, &second, "/x").await.status, 401);
    assert_eq!(call(&server, &token(&server).await, "/x").await.status, 200);
}

#[tokio::test]
async fn a_token_expires() {
    let server = Server::start().await;
    let early = token(&server).await;
    for (wait, status) in [(3590, 200), (10, 401)] {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(wait)).await;
        tokio::time::resume();
        assert_eq!(call(&server, &early, "/x").await.status, status);
    }
    server.set_token_lifetime(Duration::from_secs(60));
    assert_eq!(call(&server, &token(&server).await, "/x").await.status, 200);
}

#[tokio::test]
async fn a_new_secret_replaces_the_old() {
    let server = Server::start().await;
    let old = token(&server).await;
    assert!(server.set_secret("client", "rotated"));
    assert!(!server.set_secret("stranger", "rotated"));
    assert_eq!(ask(&server, "client", "secret", GRANT).await.status, 401);
    assert_eq!(ask(&server, "client", "rotated", GRANT).await.status, 200);
    assert_eq!(call(&server, &old, "/x").await.status, 200);

    server.add_client("successor", "another");
    assert!(server.remove_client("client"));
    assert!(!server.remove_client("client"));
    assert_eq!(ask(&server, "client", "rotated", GRANT).await.status, 401);
    assert_eq!(
        ask(&server, "successor", "another", GRANT).await.status,
        200
    );
}

#[tokio::test]
async fn a_sticky_server_repeats_itself() {
    let server = Server::builder().reissue(Reissue::Sticky).start().await;
    let first = token(&server).await;
    let again = ask(&server, "client", "secret", GRANT).await.json();
    assert_eq!(again["access_token"], *first);
    assert_eq!(again["expires_in"], 3599, "what is left, rounded down");
    let scoped = ask(
        &server,
        "client",
        "secret",
        "grant_type=client_credentials&scope=a",
    )
    .await
    .json();
    assert_ne!(scoped["access_token"], *first);
    server.revoke(&first);
    assert_ne!(token(&server).await, first);
    assert_eq!(server.tokens_issued(), 3);
}

#[tokio::test]
async fn other_ways_of_reissuing() {
    let server = Server::start().await;
    server.set_reissue(Reissue::Extended);
    let first = token(&server).await;
    let again = ask(&server, "client", "secret", GRANT).await.json();
    assert_eq!(
        (&again["access_token"], &again["expires_in"]),
        (&json!(first), &json!(3600))
    );
    server.set_reissue(Reissue::Replacing);
    let second = token(&server).await;
    assert_eq!(call(&server, &first, "/x").await.status, 401);
    assert_eq!(call(&server, &second, "/x").await.status, 200);
}

#[tokio::test]
async fn expires_in_is_written_as_told() {
    let server = Server::builder()
        .token_lifetime(Duration::from_millis(299_500))
        .start()
        .await;
    let ways = [
        (ExpiresIn::Seconds, Some(json!(299))),
        (ExpiresIn::Text, Some(json!("299"))),
        (ExpiresIn::Fraction, Some(json!(299.5))),
        (ExpiresIn::Raw(json!(-1)), Some(json!(-1))),
        (ExpiresIn::Raw(json!(null)), Some(json!(null))),
        (ExpiresIn::Missing, None),
    ];
    for (way, written) in ways {
        server.set_expires_in(way.clone());
        let got = ask(&server, "client", "secret", GRANT).await.json();
        assert_eq!(got.get("expires_in"), written.as_ref(), "{way:?}");
    }
}

#[tokio::test]
async fn the_claims_may_differ_from_the_answer() {
    for (exp, life) in [(Some(Duration::from_secs(60)), Some(60)), (None, None)] {
        let server = Server::builder()
            .system(System::Is2)
            .expires_in(ExpiresIn::Missing)
            .jwt_exp(exp)
            .start()
            .await;
        let claims = claims(&token(&server).await);
        let said = claims["exp"]
            .as_u64()
            .zip(claims["iat"].as_u64())
            .map(|(exp, iat)| exp - iat);
        assert_eq!(said, life);
    }
    let opaque = Server::builder()
        .system(System::Is2)
        .token_format(TokenFormat::Opaque)
        .start()
        .await;
    assert!(!token(&opaque).await.contains('.'));
}
