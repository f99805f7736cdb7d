//! A redirect that was followed below is warned of, once. The subscriber
//! is the process's own, so this test is alone here.
#![cfg(all(feature = "rustls", feature = "transport"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Log, cached};
use hallpass_reqwest::Bearer;
use hallpass_testkit::Server;
use reqwest::Client;
use reqwest_middleware::ClientBuilder;

#[tokio::test]
async fn one_warning_for_one_client() {
    let log = Log::install();
    let warnings = || log.text().matches("WARN hallpass").count();
    let (server, other) = (Server::start().await, Server::start().await);
    let bearer = Bearer::new(cached(&server));
    let guarded = bearer.clone().client_from(Client::builder()).unwrap();
    // The promise does not hold.
    let plain = ClientBuilder::new(Client::new())
        .with(bearer.assume_no_redirects())
        .build();
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
