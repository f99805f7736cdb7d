//! A server to try the command line on: a token endpoint and an API, until Ctrl-C.
//!
//! ```text
//! cargo run --example server
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use hallpass_testkit::Server;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let server = Server::builder().try_start().await?;
    let (token_url, url) = (server.token_url(), server.url());
    server
        .api()
        .route("/items", serde_json::json!([{"id": 1}, {"id": 2}]));
    println!("token URL  {token_url}");
    println!("API        {url}/items");
    println!("client     client, and its secret is secret");
    println!("\nPaste into another terminal:\n");
    println!("export GENERIC_CLIENT_ID=client GENERIC_SECRET=secret");
    println!("hallpass token generic --token-url {token_url}");
    println!("hallpass call generic --token-url {token_url} {url}/items");
    println!("hallpass token generic --token-url {token_url} --header | curl -i -H @- {url}/items");
    println!("\nCtrl-C ends it.");
    tokio::signal::ctrl_c().await
}
