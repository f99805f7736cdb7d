//! reqwest with a token that is always fresh.
//!
//! ```text
//! cargo run --example reqwest_client
//! ```
//!
//! The servers are played in this process. For real ones: the token endpoint's URL goes to
//! `ClientCredentials::at`, the id and a `Secret::env("MY_SECRET")` to `basic`, and `api` is the
//! address of your API.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use hallpass::{Attempt, Cached, ClientCredentials};
use hallpass_testkit::Server;
use http::StatusCode;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (server, storage) = (Server::start().await, Server::start().await);
    let api = server.url();

    let source = ClientCredentials::at(server.token_url())
        .basic("client", "secret")
        .build(hallpass::reqwest::transport()?)?;
    // `client(source)` would do; with this, there are numbers to print at the end.
    let cached = Cached::new(source);

    let client = hallpass::reqwest::client(cached.clone())?;

    let response = client.get(format!("{api}/menu")).send().await?;
    println!("GET  /menu    {}", response.status());
    assert_eq!(response.status(), StatusCode::OK);

    server.revoke_all();
    let order = client.post(format!("{api}/orders")).body("one espresso");
    let response = order.send().await?;
    let attempt = response.extensions().get::<Attempt>().ok_or("no attempt")?;
    println!(
        "POST /orders  {} although the token was revoked: {attempt:?}",
        response.status()
    );
    assert_eq!(response.status(), StatusCode::OK);
    assert!(attempt.replayed);
    // The whole order came both times.
    let journal = server.journal();
    let orders = journal.api().filter(|call| call.body == "one espresso");
    assert_eq!(orders.count(), 2);

    // The API hands a download over to somebody else's server.
    let elsewhere = format!("{}/receipt.pdf", storage.url());
    let redirect = [("location", elsewhere.as_str())];
    server.api().respond_next(1, 307, &redirect, "");
    storage.api().respond_next(1, 200, &[], "%PDF");
    let response = client.get(format!("{api}/receipt")).send().await?;
    println!(
        "GET  /receipt {} from another server, without a token",
        response.status()
    );
    assert_eq!(response.status(), StatusCode::OK);
    let journal = storage.journal();
    assert!(
        journal
            .api()
            .all(|call| call.header("authorization").is_none())
    );

    let stats = cached.stats();
    println!(
        "ok: {} tokens fetched, {} rejected, {} request replayed, 0 failed",
        stats.fetches, stats.rejections, stats.replays
    );
    assert_eq!((stats.fetches, stats.rejections, stats.replays), (2, 1, 1));
    Ok(())
}
