//! Timeout, retries, redirects and a concurrency limit around the layer that brings the token, and
//! why in this order.
//!
//! ```text
//! cargo run --example tower_stack
//! ```
//!
//! The servers are played in this process. For real ones: give `ClientCredentials` the token
//! endpoint's URL, the id and a `Secret::env("MY_SECRET")`, and send to your API.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use bytes::Bytes;
use hallpass::{
    BearerLayer, Cached, ClientCredentials,
    tower::{Error, ReplayBody},
};
use hallpass_testkit::Server;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::{
    task::JoinSet,
    time::{Instant, Sleep, sleep},
};
use tower::{
    BoxError, Service, ServiceBuilder, ServiceExt as _, retry::Policy, timeout::error::Elapsed,
};
use tower_http::follow_redirect::FollowRedirectLayer;

type Body = Full<Bytes>;

/// How long a call may take, whatever it takes.
const TOTAL: Duration = Duration::from_millis(500);

fn stack(
    cached: &Cached,
    api: &str,
) -> Result<
    impl Service<Request<Body>, Response = Response<Incoming>, Error = BoxError, Future: Send>
    + Clone
    + Send
    + 'static,
    hallpass::Error,
> {
    let client: hallpass::hyper::Client<ReplayBody<Body>> = hallpass::hyper::client()?;
    Ok(ServiceBuilder::new()
        // Outermost, so that everything counts: the wait for a token, the pauses between retries.
        // (The wait for a place, below, comes before the call begins. Put `tokio::time::timeout`
        // around the whole if that should count too.)
        .timeout(TOTAL)
        // Above the token, so that a retry carries the one that is current by then. Retries never
        // see the 401 that a replay has healed, and a refused client is no reason for one.
        .retry(Retries(2))
        // Above the token, so that each hop is judged by its own address: one that leads elsewhere
        // goes without. Below it, the follower would have to take the token off again.
        .layer(FollowRedirectLayer::new())
        // Below what pauses and what hops, so that neither keeps a place. One place is enough for
        // a call and its replay.
        .concurrency_limit(8)
        .layer(BearerLayer::new(cached.clone()).origins([api])?)
        // Innermost, so that the connection pool is shared by all of the above.
        .service(client))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let (server, storage) = (Server::start().await, Server::start().await);
    let source = ClientCredentials::at(server.token_url())
        .basic("client", "secret")
        .build(hallpass::hyper::transport()?)?;
    let cached = Cached::new(source);
    let api = server.url();
    let client = stack(&cached, &api)?;

    // Retries.
    server.api().fail_next(2, 503);
    let status = get(client.clone(), format!("{api}/orders")).await?;
    let failed = server.journal().api_with_status(503);
    println!("retries:   {status} after {failed} times 503");
    assert_eq!((status, failed), (StatusCode::OK, 2));

    // Redirects.
    let elsewhere = format!("{}/receipt.pdf", storage.url());
    let redirect = [("location", elsewhere.as_str())];
    server.api().respond_next(1, 302, &redirect, "");
    storage.api().respond_next(1, 200, &[], "%PDF");
    let status = get(client.clone(), format!("{api}/receipt")).await?;
    let journal = storage.journal();
    let carried = journal.api().any(|call| call.bearer().is_some());
    println!("redirects: {status} from another server, which saw a token: {carried}");
    assert_eq!((status, carried), (StatusCode::OK, false));

    // Many calls with a revoked token: one token request, and a place for every replay.
    server.revoke_all();
    let calls: JoinSet<_> = (0..50)
        .map(|_| get(client.clone(), format!("{api}/orders")))
        .collect();
    let answers = calls.join_all().await;
    let good = answers
        .iter()
        .flatten()
        .filter(|status| status.is_success());
    let (good, tokens) = (good.count(), server.journal().token_requests());
    println!("limit:     {good} of 50 calls, 8 at a time, although the token was revoked");
    assert_eq!((good, tokens), (50, 2));

    // The timeout covers the wait for a token, and ends only the call: the token request goes on.
    server.token_endpoint().delay_next(1, TOTAL * 2);
    server.revoke_all();
    let start = Instant::now();
    let error = get(client.clone(), format!("{api}/orders")).await;
    let Err(error) = error else {
        return Err("there was no timeout".into());
    };
    println!("timeout:   {error}, {} ms", start.elapsed().as_millis());
    assert!(error.is::<Elapsed>());
    sleep(TOTAL + TOTAL / 2).await;
    let status = get(client, format!("{api}/orders")).await?;
    println!("           {status} by the token that came meanwhile");
    assert_eq!(status, StatusCode::OK);

    let (tokens, failed) = (server.journal().token_requests(), cached.stats().failures);
    println!("ok: {tokens} token requests, {failed} failed");
    assert_eq!((tokens, failed), (3, 0));
    Ok(())
}

async fn get<S>(client: S, url: String) -> Result<StatusCode, BoxError>
where
    S: Service<Request<Body>, Response = Response<Incoming>, Error = BoxError>,
{
    let request = Request::get(url).body(Body::default())?;
    let response = client.oneshot(request).await?;
    let status = response.status();
    response.into_body().collect().await?;
    Ok(status)
}

/// How many are left.
#[derive(Clone)]
struct Retries(u32);

impl Policy<Request<Body>, Response<Incoming>, Error<hallpass::hyper::Error>> for Retries {
    type Future = Sleep;

    fn retry(
        &mut self,
        _: &mut Request<Body>,
        outcome: &mut Result<Response<Incoming>, Error<hallpass::hyper::Error>>,
    ) -> Option<Sleep> {
        self.0 = self.0.checked_sub(1)?;
        let pause = Duration::from_millis(50);
        match outcome {
            Ok(response) => response.status() == StatusCode::SERVICE_UNAVAILABLE,
            Err(Error::Inner(error)) => error.is_connect(),
            // The engine has retried by itself, and answers at once until its gap is over.
            Err(Error::Credential(_)) => false,
        }
        .then(|| sleep(pause))
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        Some(request.clone())
    }
}
