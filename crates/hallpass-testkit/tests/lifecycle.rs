//! Starting, stopping, and carrying many callers at once.

mod common;

use std::sync::Arc;

use common::{GRANT, ask, call, http, http2, token, try_send};
use hallpass_testkit::{Entry, Kind, Server, System};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[tokio::test]
async fn the_journal_tells_what_arrived() {
    let server = Server::start().await;
    let token = token(&server).await;
    call(&server, &token, "/x?y=1").await;
    call(&server, "guess", "/x").await;
    let journal = server.journal();
    assert_eq!((journal.token_requests(), journal.api_requests()), (1, 2));
    assert_eq!(
        (journal.api_with_status(200), journal.api_with_status(401)),
        (1, 1)
    );
    let kinds: Vec<_> = journal.entries().iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [Kind::Token, Kind::Api, Kind::Api]);
    let [asked, called, _]: &[Entry; 3] = journal.entries().try_into().expect("three");
    assert_eq!(
        (asked.path.as_str(), asked.method.as_str()),
        ("/token", "POST")
    );
    assert_eq!(
        asked.form("grant_type").as_deref(),
        Some("client_credentials")
    );
    assert_eq!(called.bearer(), Some(&*token));
    assert_eq!(called.query.as_deref(), Some("y=1"));
    assert_eq!((asked.connection, called.connection), (1, 2));
    assert!(asked.at <= called.at);

    server.clear_journal();
    assert_eq!(server.journal().entries().len(), 0);
    assert_eq!(journal.entries().len(), 3, "a snapshot stays");
}

#[tokio::test]
async fn debug_output_holds_no_secret() {
    let builder = Server::builder().client("client", "s3cr3t-value");
    let shown = format!("{builder:?}");
    let server = builder.start().await;
    let got = ask(
        &server,
        "client",
        "s3cr3t-value",
        &format!("{GRANT}&note=s3cr3t-value"),
    )
    .await;
    let token = got.json()["access_token"]
        .as_str()
        .map(str::to_owned)
        .expect("a token");
    call(&server, &token, "/x?key=s3cr3t-value").await;
    let header = common::basic("client", "s3cr3t-value");
    let shown = format!(
        "{shown} {server:?} {:?} {:?} {:?} {:?}",
        server.clients(),
        server.journal(),
        server.api(),
        server.api().hold(),
    );
    for secret in ["s3cr3t-value", &token, header.trim_start_matches("Basic ")] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn shutdown_frees_the_port_and_ends_held_calls() {
    let server = Server::start().await;
    let addr = server.addr();
    let url = server.token_url();
    let hold = server.token_endpoint().hold();
    let caller =
        tokio::spawn(async move { try_send(&http2(), "POST", &url, &[], "").await.is_err() });
    hold.arrived(1).await;
    server.shutdown().await;
    assert!(caller.await.expect("no panic"));
    assert_eq!(hold.waiting(), 0);
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn dropping_stops_the_server() {
    let server = Server::start().await;
    let addr = server.addr();
    drop(server);
    while TcpStream::connect(addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn http2_shares_one_connection() {
    let server = Server::start().await;
    let bearer = format!("Bearer {}", token(&server).await);
    let http = http2();
    for _ in 0..3 {
        let got = try_send(
            &http,
            "GET",
            &server.url(),
            &[("authorization", &bearer)],
            "",
        )
        .await;
        assert_eq!(got.expect("an answer").status, 200);
    }
    assert_eq!(
        server.connections(),
        2,
        "one for the token, one for the rest"
    );
    let journal = server.journal();
    assert_eq!(
        journal.api().map(|entry| entry.version).next(),
        Some(http::Version::HTTP_2)
    );
}

#[tokio::test]
async fn http1_only_refuses_http2() {
    let server = Server::builder().http1_only().start().await;
    assert!(
        try_send(&http2(), "GET", &server.url(), &[], "")
            .await
            .is_err()
    );
    assert_eq!(
        try_send(&http(), "GET", &server.url(), &[], "")
            .await
            .expect("an answer")
            .status,
        401
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_at_once() {
    let server = Arc::new(Server::start().await);
    let bearer = Arc::new(format!("Bearer {}", token(&server).await));
    // Above a thousand streams and, over HTTP/1.1, as many sockets as the open-file limit bears twice.
    for (client, callers) in [(http2(), 1000), (http(), 300)] {
        server.clear_journal();
        let hold = server.api().hold();
        let mut calls = JoinSet::new();
        for _ in 0..callers {
            let (client, bearer, url) = (client.clone(), Arc::clone(&bearer), server.url());
            calls.spawn(async move {
                try_send(&client, "POST", &url, &[("authorization", &bearer)], "x").await
            });
        }
        hold.arrived(callers).await;
        hold.release();
        while let Some(got) = calls.join_next().await {
            assert_eq!(got.expect("no panic").expect("an answer").status, 200);
        }
        assert_eq!(server.journal().api_with_status(200), callers);
    }
}

#[tokio::test]
async fn every_system_has_a_name_and_a_token_url() {
    for system in System::ALL {
        let server = Server::builder().system(system).start().await;
        assert_eq!(server.system(), system);
        assert_eq!(
            server.token_url(),
            format!("{}{}", server.url(), system.token_path("acme"))
        );
        assert!(server.url().starts_with("http://127.0.0.1:"));
        assert!(!system.name().is_empty() && !server.clients().is_empty());
    }
}
