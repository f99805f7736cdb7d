//! Four ways to send requests with hyper, under one token that is always fresh.
//!
//! ```text
//! cargo run --example hyper_client
//! ```
//!
//! The server is played in this process. For a real one: give `ClientCredentials` the token
//! endpoint's URL, the id and a `Secret::env("MY_SECRET")`, and send to an `https` address: the
//! first and the third client have TLS, the other two need a connector with it, such as
//! `hyper-rustls`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use hallpass::{
    Attempt, BearerLayer, Cached, ClientCredentials, hyper::Builder, tower::ReplayBody,
};
use hallpass_testkit::Server;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header::HOST};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Body, Incoming},
    client::conn::http1,
};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use tokio::{net::TcpStream, sync::Mutex};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

type Sent = ReplayBody<Full<Bytes>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start().await;
    let source = ClientCredentials::at(server.token_url())
        .basic("client", "secret")
        .build(hallpass::hyper::transport()?)?;
    // One credential for all four clients.
    let cached = Cached::new(source);
    let bearer = BearerLayer::new(cached.clone()).report_attempts();
    let orders = format!("{}/orders", server.url());

    // The ready one, in one line.
    let client = bearer.layer(hallpass::hyper::client()?);
    heals("ready-made", &server, client, &orders).await?;

    // A client of your own, with your connector.
    let client = bearer.layer(with_own_connector(server.addr()));
    heals("own connector", &server, client, &orders).await?;

    // HTTP/2 without TLS, which can't be agreed upon and has to be known.
    let client = bearer.layer(Builder::new().http2_only().client()?);
    heals("HTTP/2", &server, client, &orders).await?;

    // One connection, with no pool. It leads to one place, so a request needs no more than a path.
    // `at` says which place that is, because a path alone does not tell whether the token may go.
    let client = bearer
        .at(server.url())?
        .layer(one_connection(server.addr()).await?);
    heals("one connection", &server, client, "/orders").await?;

    let (stats, journal) = (cached.stats(), server.journal());
    println!(
        "ok: 4 clients, {} tokens fetched, {} requests replayed, 0 failed",
        stats.fetches, stats.replays
    );
    assert_eq!((stats.fetches, stats.replays), (5, 4));
    assert_eq!(journal.api_with_status(401), 4);
    Ok(())
}

/// Whatever the URL says, this one connects to `address`: a tunnel, a sidecar, a test.
fn with_own_connector(
    address: SocketAddr,
) -> impl Service<Request<Sent>, Response = Response<Incoming>, Error: Fault> + Clone {
    let connect = move |_: Uri| async move { TcpStream::connect(address).await.map(TokioIo::new) };
    // hyper-util wants the future pinned.
    let connector = service_fn(move |uri| Box::pin(connect(uri)));
    Client::builder(TokioExecutor::new()).build(connector)
}

/// hyper's lowest layer as a service: requests go one after the other on one connection.
///
/// The layer wants a service that can be cloned, since a replay takes a second one, and hyper's
/// `SendRequest` for HTTP/1.1 can't be. Behind a lock it can, and the lock keeps requests in order.
async fn one_connection(
    address: SocketAddr,
) -> Result<
    impl Service<Request<Sent>, Response = Response<Incoming>, Error: Fault> + Clone,
    Box<dyn Error>,
> {
    let stream = TcpStream::connect(address).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let sender = Arc::new(Mutex::new(sender));
    let host = HeaderValue::try_from(address.to_string())?;
    Ok(service_fn(move |mut request: Request<Sent>| {
        let sender = Arc::clone(&sender);
        request.headers_mut().insert(HOST, host.clone());
        async move {
            let mut sender = sender.lock().await;
            // Not before the answer to the last request has been read.
            sender.ready().await?;
            sender.send_request(request).await
        }
    }))
}

/// Sends a request, revokes the token, and sends another.
async fn heals<S, R>(
    name: &str,
    server: &Server,
    mut client: S,
    uri: &str,
) -> Result<(), Box<dyn Error>>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>, Error: Fault>,
    R: Body<Error: Fault>,
{
    for revoked in [false, true] {
        if revoked {
            server.revoke_all();
        }
        let request = Request::post(uri).body(Full::from("one espresso"))?;
        let response = client.ready().await?.call(request).await?;
        let (head, body) = response.into_parts();
        body.collect().await?;
        let attempt = head.extensions.get::<Attempt>().ok_or("no attempt")?;
        println!(
            "{name:<15} {:?} {}, token {}{}",
            head.version,
            head.status,
            attempt.generation,
            if attempt.replayed { ", replayed" } else { "" }
        );
        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(attempt.replayed, revoked);
    }
    Ok(())
}

/// What an error has to be to be boxed.
trait Fault: Error + Send + Sync + 'static {}

impl<E: Error + Send + Sync + 'static> Fault for E {}
