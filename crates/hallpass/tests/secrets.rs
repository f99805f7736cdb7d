//! No secret at TRACE, and none in any error, while everything happens that can happen.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::format_push_string, reason = "it is searched, not shown")]

mod common;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use common::{SECRET, call, post, server, source};
use hallpass::{BearerLayer, ClientCredentials, Credential, Secret};
use http::Request;
use http_body_util::Empty;
use tower::ServiceBuilder;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// Every error of a chain, in both forms.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    if let Some(source) = error.source() {
        text += &chain(source);
    }
    text
}

#[tokio::test]
async fn nothing_that_is_logged_or_printed_holds_a_secret() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("trace"))
        .with_ansi(false)
        .with_writer(log.clone())
        .init();

    let server = server().await;
    let cached = source(&server);
    let layer = BearerLayer::new(cached.clone()).report_attempts();
    let mut client = ServiceBuilder::new()
        .layer(layer.clone())
        .service(hallpass::hyper::client().unwrap());
    let url = format!("{}/items", server.url());
    let mut printed = String::new();

    // A fetch, a hit, a rejection, a replay; then failures of the endpoint and of the API.
    call(&mut client, post(url.clone(), "a")).await.unwrap();
    printed += &format!(
        "{:?} {:?}",
        call(&mut client, post(url.clone(), "b")).await,
        client
    );
    server.revoke_all();
    call(&mut client, post(url.clone(), "c")).await.unwrap();
    let credential = cached.get().await.unwrap();
    server.revoke_all();
    server.token_endpoint().fail_next(1, 400);
    // No replacement: the caller gets the API's own 401.
    printed += &format!("{:?}", call(&mut client, post(url.clone(), "d")).await);
    server.api().cut_next(1);
    let elsewhere = Request::get("http://api.example.com/").body(Empty::<Bytes>::new());
    let mut other = ServiceBuilder::new()
        .layer(layer.clone().without_replay())
        .service(hallpass::hyper::client().unwrap());
    printed += &chain(&call(&mut other, elsewhere.unwrap()).await.unwrap_err());

    let wrong = ClientCredentials::at(server.token_url())
        .post("client", format!("{SECRET} "))
        .build(hallpass::hyper::transport().unwrap())
        .unwrap();
    printed += &format!("{wrong:?}");
    let wrong = hallpass::Cached::new(wrong);
    printed += &chain(&wrong.get().await.unwrap_err());
    printed += &chain(&Credential::bearer(&format!("{SECRET}\r\n")).unwrap_err());
    printed += &format!(
        "{cached:?} {wrong:?} {layer:?} {credential:?} {:?}",
        Secret::from(SECRET)
    );
    printed += &format!("{:?} {:?}", credential.header_value(), server.journal());

    let log = log.text();
    assert!(
        log.contains("fetch finished") && log.contains("replaying"),
        "{log}"
    );
    let mut secrets = vec![SECRET.to_owned()];
    let journal = server.journal();
    for value in journal
        .entries()
        .iter()
        .filter_map(|entry| entry.header("authorization"))
    {
        secrets.push(value.split_once(' ').unwrap().1.to_owned());
    }
    assert!(secrets.len() > 5);
    for (place, text) in [("log", &log), ("text", &printed)] {
        for secret in &secrets {
            assert!(
                !text.contains(secret.as_str()),
                "a secret in the {place}: {text}"
            );
        }
    }
}
