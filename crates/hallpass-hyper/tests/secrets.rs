//! Nothing that is formatted or logged holds a secret.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

#[path = "it/common/mod.rs"]
mod common;

use std::{
    error::Error as StdError,
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use common::{LONG, SHORT};
use hallpass_hyper::Builder;
use hallpass_oauth2::transport::Transport as _;
use hallpass_testkit::{Malformed, Server};
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use tower::ServiceExt as _;
use tracing_subscriber::fmt::MakeWriter;

const HEADER: &str = "header-secret-7f3a";
const BODY: &str = "body-secret-91c2";
const QUERY: &str = "query-secret-55d0";

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Written {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn request(url: &str) -> Request<Bytes> {
    let mut authorization = HeaderValue::from_static(HEADER);
    authorization.set_sensitive(true);
    Request::post(format!("{url}?q={QUERY}"))
        .header(header::AUTHORIZATION, authorization)
        .body(Bytes::from_static(BODY.as_bytes()))
        .unwrap()
}

fn formatted(error: &(dyn StdError + 'static)) -> String {
    let chain: Vec<_> = std::iter::successors(Some(error), |&error| error.source()).collect();
    let display: Vec<_> = chain.iter().map(ToString::to_string).collect();
    format!("{display:?} {chain:?} {chain:#?}")
}

async fn exchanges(builder: Builder, server: &Server) -> String {
    let transport = builder.transport().unwrap();
    let client = builder.client::<Full<Bytes>>().unwrap();
    let mut text = format!("{builder:?} {transport:?} {client:?}");
    let endpoint = server.token_endpoint();
    let url = server.token_url();
    for _ in 0..2 {
        transport.send(request(&url), LONG).await.unwrap();
        endpoint.hang_up_next(2);
        let error = transport.send(request(&url), LONG).await.unwrap_err();
        text += &formatted(&error);
        endpoint.reset().cut_next(1);
        let error = transport.send(request(&url), LONG).await.unwrap_err();
        text += &formatted(&error);
        endpoint.delay_next(1, LONG);
        let error = transport.send(request(&url), SHORT).await.unwrap_err();
        text += &formatted(&error);
        endpoint.malformed_next(1, Malformed::Html);
        let _ = transport.send(request(&url), LONG).await;

        endpoint.hang_up_next(1);
        let call = client.clone().oneshot(request(&url).map(Full::new));
        text += &formatted(&call.await.unwrap_err());
    }
    let refused = url.replace(&server.addr().port().to_string(), "1");
    let error = transport.send(request(&refused), LONG).await.unwrap_err();
    text += &formatted(&error);
    let call = client.oneshot(request(&refused).map(Full::new));
    text + &formatted(&call.await.unwrap_err())
}

#[test]
fn nothing_is_told() {
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(written.clone())
        .finish();
    let mut text = String::new();
    // The server logs too, and is not what is tested: it has threads of its own.
    let servers = tokio::runtime::Runtime::new().unwrap();
    let plain = servers.block_on(Server::start());
    let tls = servers.block_on(Server::builder().tls().start());
    let trusting = Builder::new().only_roots_pem(tls.certificate_pem().unwrap());
    tracing::subscriber::with_default(subscriber, || {
        let callers = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        for (builder, server) in [
            (Builder::new(), &plain),
            (Builder::new().http2_only(), &plain),
            (trusting.clone().http1_only(), &tls),
            (trusting, &tls),
        ] {
            text += &callers.block_on(exchanges(builder, server));
        }
    });
    let written = written.0.lock().unwrap();
    let logged = String::from_utf8_lossy(&written);
    for part in ["hyper_util", "h2::", "fresh one"] {
        assert!(logged.contains(part), "{part} was not listened to");
    }
    for secret in [HEADER, BODY, QUERY] {
        assert!(!text.contains(secret), "an error or a Debug holds {secret}");
        let line = logged.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "a log holds {secret}");
    }
}
