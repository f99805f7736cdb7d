//! Paths with an answer of their own.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;

use crate::answer::{Answer, status_code};
use crate::fault::Canned;
use crate::headers::{header_name, header_value};
use crate::journal::Entry;

/// What a [route](crate::Endpoint::route) answers: JSON with status 200, unless it says something
/// else.
///
/// A JSON value is one by itself, and so is a pair of a status and a JSON value:
///
/// ```
/// # async fn example(server: &hallpass_testkit::Server) {
/// use serde_json::json;
///
/// server.api()
///     .route("GET /orders", json!([]))
///     .route("POST /orders", (201, json!({"id": 1})));
/// # }
/// ```
///
/// `Debug` leaves the body out, as it may hold what an API gives away only once.
#[derive(Clone)]
pub struct RouteAnswer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
    trailers: Option<HeaderMap>,
}

impl RouteAnswer {
    /// This JSON with this status.
    pub fn json(status: u16, json: impl Into<Value>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self {
            status,
            headers,
            body: json.into().to_string().into(),
            trailers: None,
        }
    }

    /// A status without a body, such as 204.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            trailers: None,
        }
    }

    /// What a gRPC server answers to a call that went well: one message, and status 0 in trailers.
    pub fn grpc(message: &[u8]) -> Self {
        let canned = Canned::grpc(message);
        Self {
            status: canned.status,
            headers: canned.headers,
            body: canned.body,
            trailers: canned.trailers,
        }
    }

    /// Adds a header, such as a link to the next page.
    ///
    /// # Panics
    ///
    /// If the name or value is not valid HTTP.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.append(header_name(name), header_value(value));
        self
    }

    pub(crate) fn into_answer(self) -> Answer {
        Answer {
            status: status_code(self.status),
            headers: self.headers,
            body: self.body,
            trailers: self.trailers,
        }
    }
}

impl From<Value> for RouteAnswer {
    fn from(json: Value) -> Self {
        Self::json(200, json)
    }
}

impl From<(u16, Value)> for RouteAnswer {
    fn from((status, json): (u16, Value)) -> Self {
        Self::json(status, json)
    }
}

impl fmt::Debug for RouteAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteAnswer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// What a path does with a request whose token lives.
#[derive(Clone)]
pub(crate) enum PathRule {
    Answer(RouteAnswer),
    /// Asks the test.
    Ask(Arc<dyn Fn(&Entry) -> RouteAnswer + Send + Sync>),
    Redirect {
        status: u16,
        location: HeaderValue,
    },
    /// Answers 401 all the same.
    Refuse,
}

/// The latest rule that fits a request counts.
#[derive(Default)]
pub(crate) struct Routes(Vec<Route>);

struct Route {
    at: String,
    method: Option<Method>,
    rule: PathRule,
}

impl Route {
    fn path(&self) -> &str {
        self.at.split_once(' ').map_or(&self.at, |(_, path)| path)
    }

    fn fits(&self, method: &Method, path: &str) -> bool {
        self.method.as_ref().is_none_or(|own| own == method) && path_fits(self.path(), path)
    }
}

impl Routes {
    /// `at` is a path, or a method, a space and a path.
    pub(crate) fn set(&mut self, at: &str, rule: PathRule) {
        let method = at.split_once(' ').map(|(method, _)| {
            Method::from_bytes(method.as_bytes())
                .unwrap_or_else(|_| panic!("not a method: {method:?}"))
        });
        self.0.retain(|route| route.at != at);
        self.0.push(Route {
            at: at.to_owned(),
            method,
            rule,
        });
    }

    pub(crate) fn find(&self, method: &Method, path: &str) -> Option<PathRule> {
        let mut latest_first = self.0.iter().rev();
        let route = latest_first.find(|route| route.fits(method, path))?;
        Some(route.rule.clone())
    }
}

/// Whether a path is this one; a segment in braces is any that is not empty.
pub(crate) fn path_fits(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given => {}
            (Some(wanted), Some(given))
                if wanted.starts_with('{') && wanted.ends_with('}') && !given.is_empty() => {}
            _ => return false,
        }
    }
}
