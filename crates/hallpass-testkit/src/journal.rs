//! What arrived, in order of arrival.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use crate::lock::lock;
use crate::proof::Proof;

/// How much of a request body an [`Entry`] keeps: 8 MiB. The API's digest covers all of it.
pub const JOURNAL_BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Which half of the server a request was bound for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The token endpoint.
    Token,
    /// The protected API: every other path.
    Api,
}

/// One request and the status it was answered with.
///
/// `Debug` shows harmless header values only, and neither query nor body.
#[derive(Clone)]
#[non_exhaustive]
pub struct Entry {
    /// Which half of the server it was bound for.
    pub kind: Kind,
    /// When it had arrived, counted from the start of the server.
    pub at: Duration,
    /// The method.
    pub method: http::Method,
    /// The path, without the query.
    pub path: String,
    /// The query, without its question mark.
    pub query: Option<String>,
    /// Every header, in full.
    pub headers: HeaderMap,
    /// The body, up to [`JOURNAL_BODY_LIMIT`]; empty when the answer went out before reading it.
    pub body: Bytes,
    /// The status answered; 0 until then, and for ever if the caller left or was hung up on.
    pub status: u16,
    /// The serial number of the TCP connection, from 1.
    pub connection: u64,
    /// The version of HTTP spoken.
    pub version: http::Version,
    pub(crate) client: Option<String>,
}

impl Entry {
    /// A header's value as text; `None` when it is absent or not visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The value of a parameter in a form-encoded body.
    pub fn form(&self, name: &str) -> Option<String> {
        crate::form::Form::parse(&self.body)?.take(name)
    }

    /// The value of a parameter in the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        crate::form::Form::parse(self.query.as_deref()?.as_bytes())?.take(name)
    }

    /// The body as JSON, if it is.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The id of the client whose request this was: the one that an API request's token was issued
    /// to, or the one that asked for a token as it should. It is told by the request, as it arrived,
    /// whatever the answer was. `None` for a token that is unknown, or lived no more by then, and for
    /// a token request that would have been refused.
    ///
    /// ```
    /// # use hallpass_testkit::Server;
    /// # async fn calls_of_two_tenants(_: &Server) {}
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let server = Server::builder().client("acme", "a").client("initech", "b").start().await;
    /// calls_of_two_tenants(&server).await;
    /// // Each request says for whom it was made, and has the token of nobody else.
    /// for entry in server.journal().api() {
    ///     assert_eq!(entry.client(), entry.header("x-tenant"));
    /// }
    /// # });
    /// ```
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// The token of an `Authorization: Bearer` header.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    }

    /// The token of an `Authorization: DPoP` header.
    pub fn bound_token(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("dpop").then_some(token)
    }

    /// The proof in its `DPoP` header, if there is one, and its signature is right.
    pub fn proof(&self) -> Option<Proof> {
        Proof::read(self.header("dpop")?).ok()
    }
}

/// Header values that identify nobody; all others may carry a credential under some vendor's name.
const HARMLESS: [&str; 8] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "transfer-encoding",
    "user-agent",
];

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| match value.to_str() {
                Ok(value) if HARMLESS.contains(&name.as_str()) => (name.as_str(), value),
                _ => (name.as_str(), "[redacted]"),
            })
            .collect();
        f.debug_struct("Entry")
            .field("kind", &self.kind)
            .field("at", &self.at)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query.as_ref().map(|_| "[redacted]"))
            .field("headers", &headers)
            .field("body_len", &self.body.len())
            .field("status", &self.status)
            .field("connection", &self.connection)
            .field("version", &self.version)
            .field("client", &self.client)
            .finish()
    }
}

/// A snapshot of every request so far; taking one copies nothing.
#[derive(Debug, Clone)]
pub struct Journal {
    entries: Arc<Vec<Entry>>,
}

impl Journal {
    /// Every entry, in order of arrival.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many requests reached the token endpoint.
    pub fn token_requests(&self) -> usize {
        self.tokens().count()
    }

    /// How many requests reached the API.
    pub fn api_requests(&self) -> usize {
        self.api().count()
    }

    /// How many token requests were answered with `status`.
    pub fn token_with_status(&self, status: u16) -> usize {
        self.tokens().filter(|entry| entry.status == status).count()
    }

    /// How many API requests were answered with `status`.
    pub fn api_with_status(&self, status: u16) -> usize {
        self.api().filter(|entry| entry.status == status).count()
    }

    /// How many API requests did again what one before them had done: method, path and the value of
    /// `header`, which names the action (such as `idempotency-key`), were those of one that was
    /// accepted, and so were they themselves. Accepted means any status below 400.
    pub fn duplicates(&self, header: &str) -> usize {
        let mut seen = HashSet::new();
        self.api()
            .filter(|entry| (200..400).contains(&entry.status))
            .filter_map(|entry| Some((&entry.method, &entry.path, entry.headers.get(header)?)))
            .filter(|action| !seen.insert(*action))
            .count()
    }

    /// The entries of the token endpoint.
    pub fn tokens(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.kind == Kind::Token)
    }

    /// The entries of the API.
    pub fn api(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.kind == Kind::Api)
    }
}

/// The live journal. Entries are shared with snapshots and copied only when a snapshot outlives a change.
#[derive(Default)]
pub(crate) struct Log(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    /// Grows with each clearing, so that a late answer does not mark a stranger's entry.
    epoch: u64,
    entries: Arc<Vec<Entry>>,
}

/// Names one entry, to note its status later.
#[derive(Clone, Copy)]
pub(crate) struct Ticket {
    epoch: u64,
    index: usize,
}

impl Log {
    pub(crate) fn record(&self, entry: Entry) -> Ticket {
        let mut pages = lock(&self.0);
        let ticket = Ticket {
            epoch: pages.epoch,
            index: pages.entries.len(),
        };
        Arc::make_mut(&mut pages.entries).push(entry);
        ticket
    }

    pub(crate) fn settle(&self, ticket: Ticket, status: u16) {
        let mut pages = lock(&self.0);
        if pages.epoch != ticket.epoch {
            return;
        }
        if let Some(entry) = Arc::make_mut(&mut pages.entries).get_mut(ticket.index) {
            entry.status = status;
        }
    }

    pub(crate) fn snapshot(&self) -> Journal {
        Journal {
            entries: Arc::clone(&lock(&self.0).entries),
        }
    }

    pub(crate) fn clear(&self) {
        let mut pages = lock(&self.0);
        pages.epoch += 1;
        pages.entries = Arc::default();
    }
}
