//! A source that counts, and clients with it on.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of this"
)]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use std::{
    error::Error as StdError,
    future::Future,
    io, iter,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use hallpass_core::{Attempt, Cached, Credential, Error, Policy};
use hallpass_oauth2::ClientCredentials;
use hallpass_reqwest::Bearer;
use hallpass_testkit::Server;
use http::HeaderName;
use reqwest::{Client, Response};
use reqwest_middleware::ClientWithMiddleware;
use tokio::net::{TcpListener, TcpStream};

/// More than any exchange here takes.
pub const LONG: Duration = Duration::from_secs(20);

/// Enough to be sure that nothing more comes.
pub const SHORT: Duration = Duration::from_millis(200);

/// A token of this server's, kept fresh.
pub fn cached(server: &Server) -> Cached {
    let source = ClientCredentials::at(server.token_url())
        .basic("client", "secret")
        .build(hallpass_reqwest::transport().unwrap())
        .unwrap();
    // A second attempt would tell of a busy machine.
    let policy = Policy::default().hedge_after(LONG);
    Cached::builder(source).policy(policy).build()
}

pub fn client(bearer: Bearer) -> ClientWithMiddleware {
    bearer.client_from(Client::builder()).unwrap()
}

/// A client with a credential in hand.
pub async fn warm(server: &Server) -> (ClientWithMiddleware, Cached) {
    let cached = cached(server);
    cached.get().await.unwrap();
    (client(Bearer::new(cached.clone())), cached)
}

pub fn attempt(response: &Response) -> Option<(u64, bool, bool)> {
    let attempt = response.extensions().get::<Attempt>()?;
    Some((attempt.generation, attempt.waited, attempt.replayed))
}

pub fn lead(server: &Server, code: u16, to: &str) {
    server
        .api()
        .respond_next(1, code, &[("location", to)], "moved");
}

/// The values of a header that a server has seen, one a request.
pub fn seen(server: &Server, header: &str) -> Vec<Option<String>> {
    let journal = server.journal();
    let values = journal.api().map(|entry| entry.header(header));
    values.map(|value| value.map(str::to_owned)).collect()
}

/// Which requests carried a header to it.
pub fn carried(server: &Server, header: &str) -> Vec<bool> {
    seen(server, header).iter().map(Option::is_some).collect()
}

/// A key, and no token.
pub fn key() -> Bearer {
    let name = HeaderName::from_static("x-api-key");
    Bearer::new(Credential::header(name, "k3y").unwrap().never_expires())
}

/// The statuses that the API has answered with, in order.
pub fn statuses(server: &Server) -> Vec<u16> {
    server.journal().api().map(|entry| entry.status).collect()
}

pub fn reason(error: &reqwest_middleware::Error) -> &Error {
    hallpass_reqwest::credential_error(error).expect("the credential is the reason")
}

/// Everything that an error shows.
pub fn shown(error: &(dyn StdError + 'static)) -> String {
    let chain: Vec<_> = iter::successors(Some(error), |&error| error.source()).collect();
    let display: Vec<_> = chain.iter().map(ToString::to_string).collect();
    format!("{display:?} {chain:?} {chain:#?}")
}

/// A listener on loopback that hands each connection, with its number from 1, to `script`.
pub async fn scripted<F, T>(script: F) -> SocketAddr
where
    F: Fn(u64, TcpStream) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 1.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(script(number, stream));
        }
    });
    address
}

/// Everything that is traced in this process, whatever its level.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// For a test binary with one test.
    pub fn install() -> Self {
        let log = Self::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_writer(move || writer.clone())
            .init();
        log
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
