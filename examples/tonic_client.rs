//! A generated gRPC client whose calls carry a token that is always fresh.
//!
//! ```text
//! cargo run --example tonic_client
//! ```
//!
//! The token endpoint and the gRPC server are played in this process. For real ones: give
//! `ClientCredentials` the token endpoint's URL, the id and a `Secret::env("MY_SECRET")`, make the
//! endpoint `https://…`, and turn on tonic's features `tls-ring` and `tls-native-roots`. Any
//! generated client takes the place of this `HealthClient`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    collections::HashSet,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use hallpass::{Attempt, Cached, ClientCredentials};
use hallpass_testkit::Server;
use tonic::{
    Request, Status,
    service::InterceptorLayer,
    transport::{self, Endpoint, server::TcpIncoming},
};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_client::HealthClient},
    server::HealthReporter,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tokens = Server::start().await;
    let guard = Guard::default();
    let (address, shop) = serve(guard.clone())?;

    let source = ClientCredentials::at(tokens.token_url())
        .basic("client", "secret")
        .build(hallpass::hyper::transport()?)?;
    // `source` itself would do; with this, there are numbers to print at the end.
    let cached = Cached::new(source);

    let endpoint = Endpoint::from_shared(address)?;
    let mut health = HealthClient::new(hallpass::tonic::bearer(endpoint, cached.clone()));

    let whole = HealthCheckRequest::default();
    let answer = health.check(whole.clone()).await?;
    println!("check: {:?}", answer.get_ref().status());

    guard.revoke();
    let answer = health.check(whole.clone()).await?;
    let attempt = answer.extensions().get::<Attempt>().ok_or("no attempt")?;
    println!(
        "check: {:?} although the token was revoked: {attempt:?}",
        answer.get_ref().status()
    );
    assert!(attempt.replayed);

    // A stream that is refused as it begins heals in the same way. One that is cut later is
    // reported to you, because what was read of it can't be unread; the next call works.
    guard.revoke();
    let mut stream = health.watch(whole).await?.into_inner();
    let mut seen = Vec::new();
    while let Some(answer) = stream.message().await? {
        println!("watch: {:?}", answer.status());
        seen.push(answer.status());
        if seen.len() == 2 {
            break;
        }
        shop.set_service_status("", ServingStatus::NotServing).await;
    }
    assert_eq!(seen.len(), 2);

    let stats = cached.stats();
    println!(
        "ok: {} tokens fetched, {} rejected, {} calls replayed, 0 failed",
        stats.fetches, stats.rejections, stats.replays
    );
    assert_eq!((stats.fetches, stats.rejections, stats.replays), (3, 2, 2));
    Ok(())
}

/// The gRPC server: health, for those with a token.
fn serve(guard: Guard) -> Result<(String, HealthReporter), Box<dyn Error>> {
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into())?;
    let address = format!("http://{}", incoming.local_addr()?);
    let (reporter, health) = tonic_health::server::health_reporter();
    let server = transport::Server::builder()
        .layer(InterceptorLayer::new(move |request| guard.judge(request)))
        .add_service(health)
        .serve_with_incoming(incoming);
    tokio::spawn(server);
    Ok((address, reporter))
}

/// What the gRPC server knows of tokens: which have been shown, and which are good no more.
#[derive(Clone, Default)]
struct Guard(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    shown: HashSet<String>,
    revoked: HashSet<String>,
}

impl Guard {
    fn judge(&self, request: Request<()>) -> Result<Request<()>, Status> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = request.metadata().get("authorization");
        let token = value
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .filter(|token| !known.revoked.contains(*token))
            .ok_or_else(|| Status::unauthenticated("no valid token"))?;
        known.shown.insert(token.to_owned());
        Ok(request)
    }

    /// Every token shown so far is good no more.
    fn revoke(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = std::mem::take(&mut known.shown);
        known.revoked.extend(shown);
    }
}
