//! Nothing that is traced or formatted holds a secret. The subscriber is the process's own, so this
//! test is alone here.
#![cfg(all(feature = "rustls", feature = "transport"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Log, cached, shown};
use hallpass_reqwest::Bearer;
use hallpass_testkit::Server;
use reqwest::Client;
use reqwest_middleware::ClientBuilder;
use reqwest_tracing::TracingMiddleware;

#[tokio::test]
async fn nothing_shows_a_secret() {
    let log = Log::install();
    let server = Server::start().await;
    let (http1, http2) = (Client::builder(), Client::builder().http2_prior_knowledge());
    let mut formatted = Vec::new();
    for inner in [http1, http2] {
        let bearer = Bearer::new(cached(&server));
        let client = bearer
            .clone()
            .client_with(inner, |outer| outer.with(TracingMiddleware::default()))
            .unwrap();
        let client = ClientBuilder::from_client(client)
            .with(TracingMiddleware::default())
            .build();
        let send = || client.post(server.url()).body("body-s3cret").send();
        let response = send().await.unwrap();
        server.revoke_all();
        formatted.push(format!(
            "{bearer:?} {response:?} {:?}",
            send().await.unwrap()
        ));
        server.api().cut_next(1).hang_up_next(1);
        formatted.push(format!("{:?}", send().await));
        formatted.push(shown(&send().await.unwrap_err()));
        server.revoke_all();
        server.token_endpoint().fail_next(100, 400);
        formatted.push(format!("{:?}", send().await));
        server.token_endpoint().reset();
    }

    let journal = server.journal();
    assert_eq!(journal.token_with_status(200), 4);
    let (traced, formatted) = (log.text(), formatted.concat());
    for expected in ["HTTP request", "replaying", "rejected"] {
        assert!(traced.contains(expected), "{expected}");
    }
    // The client's secret travels as HTTP Basic: `client:secret`.
    let basic = "Y2xpZW50OnNlY3JldA";
    let tokens = journal.api().filter_map(|entry| entry.bearer());
    for secret in tokens.chain([basic, "body-s3cret"]) {
        assert!(!traced.contains(secret), "{traced}");
        assert!(!formatted.contains(secret), "{formatted}");
    }
}
