//! Tokens that are bound to a key (DPoP, RFC 9449): each request proves that the client holds it, and
//! whoever finds the token has nothing.
//!
//! ```text
//! cargo run --example dpop
//! ```
//!
//! The servers are played in this process: they check every proof, take none twice, and want other
//! nonces all the time. For real ones: give `ClientCredentials` the token endpoint's URL, the id and a
//! `Secret::env("MY_SECRET")`, and send to your API.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::HashSet;

use bytes::Bytes;
use hallpass::{BearerLayer, BoxError, Cached, ClientCredentials, Dpop, NoCredential};
use hallpass_testkit::Server;
use http::{Request, StatusCode, header::AUTHORIZATION};
use http_body_util::Empty;
use tower::{Layer as _, ServiceExt as _};

/// Requests after which the servers want another nonce.
const NONCE_USES: u32 = 20;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let server = Server::builder().dpop_nonces(NONCE_USES).start().await;

    // The one line: a key in memory. `.dpop(Key::read(Secret::file("…")))` is for one that is kept.
    let source = ClientCredentials::at(server.token_url())
        .basic("client", "secret")
        .dpop(Dpop::new())
        .build(hallpass::hyper::transport()?)?;
    let cached = Cached::new(source);
    let layer = BearerLayer::new(cached.clone()).origins([server.url()])?;
    let client = layer.layer(hallpass::hyper::client()?);

    let url = format!("{}/orders", server.url());
    let get = || Request::get(&url).body(Empty::<Bytes>::new());
    for n in 0..100 {
        if n == 50 {
            server.revoke_all();
        }
        let response = client.clone().oneshot(get()?).await?;
        assert_eq!(response.status(), StatusCode::OK);
    }
    let counts = cached.stats();
    println!(
        "100 requests and one revocation: {} tokens fetched",
        counts.fetches
    );
    assert_eq!((counts.fetches, counts.failures), (2, 0));

    let journal = server.journal();
    let proofs: Vec<_> = journal
        .entries()
        .iter()
        .filter_map(hallpass_testkit::Entry::proof)
        .collect();
    let ids: HashSet<_> = proofs.iter().map(|proof| &proof.jti).collect();
    let nonces: HashSet<_> = proofs.iter().map(|proof| &proof.nonce).collect();
    println!(
        "{} proofs, none twice, with {} different nonces",
        ids.len(),
        nonces.len() - 1
    );
    assert_eq!(ids.len(), journal.entries().len());

    // A thief has the token, and no key.
    let token = cached.get().await?.token().unwrap_or_default().to_owned();
    for scheme in ["Bearer", "DPoP"] {
        let mut theft = get()?;
        theft.extensions_mut().insert(NoCredential);
        theft
            .headers_mut()
            .insert(AUTHORIZATION, format!("{scheme} {token}").parse()?);
        let response = client.clone().oneshot(theft).await?;
        println!("the stolen token as {scheme}: {}", response.status());
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
    println!("ok: 2 tokens fetched, no proof sent twice, 0 failed");
    Ok(())
}
