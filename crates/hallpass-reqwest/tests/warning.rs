//! A redirect that left the origin is warned of, once, unless the client is guarded. The subscriber
//! is the process's own, so this test is alone here.
#![cfg(all(feature = "rustls", feature = "transport"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Log, cached, over};
use hallpass_reqwest::Bearer;
use hallpass_testkit::Server;
use reqwest::Client;

#[tokio::test]
async fn one_warning_for_one_client() {
    let log = Log::install();
    let warnings = || log.text().matches("WARN hallpass").count();
    let (server, other) = (Server::start().await, Server::start().await);
    let bearer = Bearer::new(cached(&server));
    let guarded = over(Client::new(), bearer.clone().redirects_guarded());
    let plain = over(Client::new(), bearer);
    let away = || {
        let there = other.url();
        server
            .api()
            .respond_next(1, 302, &[("location", there.as_str())], "");
    };
    for (client, expected) in [(guarded, 0), (plain.clone(), 1), (plain, 1)] {
        client.get(server.url()).send().await.unwrap();
        away();
        client.get(server.url()).send().await.unwrap();
        assert_eq!(warnings(), expected);
    }
}
