//! A program that has its own reqwest client, and takes from the SDK what the SDK knows: how Atlar's
//! credential is had and where it may go. Both share one token.
//!
//! ```text
//! cargo run -p atlar-example --example reqwest_only
//! ```
//!
//! Atlar is played in this process. Against the real one, leave `base_url` out and take access key and
//! secret from `Secret::env`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use atlar_example::Atlar;
use hallpass_testkit::{Server, System};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::builder().system(System::Atlar).start().await;

    let atlar = Atlar::builder()
        .base_url(server.url())
        .credentials("client", "secret")
        .build()?;
    let client = hallpass::reqwest::client(atlar.credential().clone())?;

    // Of this the SDK knows nothing.
    let url = format!("{}/financial-data/v2/balances", server.url());
    let response = client.get(&url).send().await?;
    println!("GET balances: {}", response.status());
    server.revoke_all();
    let response = client.get(&url).send().await?;
    println!(
        "GET balances: {} although the token was revoked",
        response.status()
    );
    assert!(response.status().is_success());
    let page = atlar.accounts().next_page().await?.unwrap_or_default();
    println!("the SDK finds {} account with the same token", page.len());
    println!("ok: {} token requests", server.journal().token_requests());
    Ok(())
}
