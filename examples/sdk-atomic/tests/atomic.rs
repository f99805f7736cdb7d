//! The SDK against a server that has Atomic's manners.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use atomic_example::{Atomic, Builder, Role};
use hallpass_testkit::{Server, System};
use serde_json::json;

/// A server whose credentials can be rotated.
async fn server() -> Arc<Server> {
    let server = Server::builder().system(System::Atomic);
    // The limit is another test's.
    let server = server.rate_limit(1000, Duration::from_secs(1));
    let server = Arc::new(server.start().await);
    let (weak, count) = (Arc::downgrade(&server), Mutex::new(0));
    let rotate = "POST /v1/123/credentials/{id}/rotate";
    server
        .api()
        .route("GET /v1/123/cards", json!({"cards": [{"id": "card-1"}]}))
        .route_with("POST /v1/123/cards", |request| {
            let title = request.json().map(|body| body["title"].clone());
            (201, json!({"id": title}))
        })
        .route_with(rotate, move |request| {
            let id = request.path.split('/').nth(4).unwrap_or_default();
            let mut count = count.lock().unwrap();
            *count += 1;
            let secret = format!("rotated-{count}");
            let server = weak.upgrade();
            if server.is_some_and(|server| server.set_secret(id, &secret)) {
                (200, json!({"clientId": id, "clientSecret": secret}))
            } else {
                (404, json!({"error": "not_found"}))
            }
        });
    server
}

fn builder(server: &Server) -> Builder {
    Atomic::builder("acme", server.token_url())
        .api_url(server.url())
        .environment(123)
        .role(Role::Auth, "auth-client", "auth-secret")
        .role(Role::Events, "events-client", "events-secret")
}

#[tokio::test]
async fn each_call_has_the_token_of_its_role() {
    let server = server().await;
    let atomic = builder(&server).build().unwrap();
    assert_eq!(atomic.cards().await.unwrap()[0].id, "card-1");
    assert_eq!(atomic.environments().await.unwrap()[0].name, "staging");
    assert_eq!(atomic.create_card("hello").await.unwrap().id, "hello");
    assert_eq!(server.journal().token_requests(), 2, "one for each role");
    let journal = server.journal();
    assert!(
        journal
            .api()
            .all(|call| call.header("user-agent").unwrap().starts_with("atomic-"))
    );
}

#[tokio::test]
async fn a_revocation_in_mid_run_heals_for_its_role_alone() {
    let server = server().await;
    let atomic = builder(&server).build().unwrap();
    atomic.cards().await.unwrap();
    atomic.environments().await.unwrap();
    let journal = server.journal();
    let events = journal.api().next().unwrap().bearer().unwrap();
    assert!(server.revoke(events));
    let calls = (0..20).map(|_| {
        let atomic = atomic.clone();
        tokio::spawn(async move { atomic.cards().await.is_ok() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert!(call.await.unwrap());
    }
    atomic.environments().await.unwrap();
    assert_eq!(server.journal().token_requests(), 3);
}

#[tokio::test]
async fn a_role_without_a_client_sends_nothing() {
    let server = server().await;
    let atomic = Atomic::builder("acme", server.token_url()).api_url(server.url());
    let atomic = atomic
        .role(Role::Auth, "auth-client", "auth-secret")
        .build()
        .unwrap();
    let error = atomic.cards().await.unwrap_err();
    assert!(error.credential().unwrap().is_unknown_key(), "{error:?}");
    let error = atomic.rotate(Role::Workbench).await.unwrap_err();
    assert_eq!(error.to_string(), "no client is set for the role Workbench");
    assert_eq!(server.journal().entries().len(), 0);
}

#[tokio::test]
async fn a_rotated_secret_is_saved_used_and_noticed_by_nobody() {
    let server = server().await;
    let saved = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&saved);
    let atomic = builder(&server).on_rotation(move |role, id, secret| {
        log.lock()
            .unwrap()
            .push((role, id.to_owned(), secret.to_owned()));
        Ok::<_, io::Error>(())
    });
    let atomic = atomic.build().unwrap();
    atomic.cards().await.unwrap();
    let others = (0..20).map(|_| {
        let atomic = atomic.clone();
        tokio::spawn(async move { atomic.cards().await.is_ok() })
    });
    let others: Vec<_> = others.collect();
    atomic.rotate(Role::Events).await.unwrap();
    for other in others {
        assert!(other.await.unwrap());
    }
    // The credential that rotates others rotates itself as well.
    atomic.rotate(Role::Auth).await.unwrap();
    server.revoke_all();
    atomic.cards().await.unwrap();
    atomic.environments().await.unwrap();
    assert_eq!(
        server.journal().token_with_status(400),
        0,
        "no old secret was tried"
    );
    let saved = saved.lock().unwrap().clone();
    let expected = [
        (Role::Events, "events-client", "rotated-1"),
        (Role::Auth, "auth-client", "rotated-2"),
    ];
    let expected = expected.map(|(role, id, secret)| (role, id.to_owned(), secret.to_owned()));
    assert_eq!(saved, expected);
    let shown = format!("{atomic:?}");
    assert!(
        !shown.contains("rotated-1") && !shown.contains("secret\""),
        "{shown}"
    );
}

#[tokio::test]
async fn a_secret_that_could_not_be_saved_is_used_and_reported() {
    let server = server().await;
    let full = |_: Role, _: &str, _: &str| Err(io::Error::other("disk full"));
    let atomic = builder(&server).on_rotation(full).build().unwrap();
    let error = atomic.rotate(Role::Events).await.unwrap_err();
    assert!(error.is_unsaved(), "{error:?}");
    assert!(!format!("{error:?}").contains("rotated"));
    server.revoke_all();
    assert_eq!(atomic.cards().await.unwrap().len(), 1);
}

#[tokio::test]
async fn rotations_take_turns() {
    let server = server().await;
    let atomic = builder(&server).build().unwrap();
    let (one, other) = tokio::join!(atomic.rotate(Role::Events), atomic.rotate(Role::Events));
    one.and(other).unwrap();
    server.revoke_all();
    assert_eq!(atomic.cards().await.unwrap().len(), 1);
    assert_eq!(server.journal().token_with_status(400), 0);
}

#[tokio::test]
async fn what_the_token_endpoint_says_with_429_is_kept_to() {
    let server = server().await;
    let atomic = builder(&server).build().unwrap();
    server.token_endpoint().fail_next(1, 429).retry_after(1);
    let start = tokio::time::Instant::now();
    assert_eq!(atomic.cards().await.unwrap().len(), 1);
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.journal().token_requests(), 2);
}
