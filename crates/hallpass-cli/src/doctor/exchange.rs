//! [`Exchange`]: what a token endpoint was asked and answered, as far as it may be told.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{
    HeaderMap, Request, Response, StatusCode,
    header::{AGE, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER, SERVER},
};
use serde_json::Value;

/// One exchange, without any value that may be a secret.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) url: String,
    pub(super) method: String,
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Body,
    /// When the answer was there, by this machine's clock.
    pub(super) received: std::time::SystemTime,
}

/// What an answer's body is.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Empty,
    Html,
    /// The members at the top, with their types, and the values of those that are no secret.
    Json {
        members: BTreeMap<String, &'static str>,
        plain: BTreeMap<&'static str, Value>,
    },
    Other,
}

/// Members whose values say how a token may be used, and are none.
const PLAIN: [&str; 4] = ["expires_in", "token_type", "scope", "error"];

impl Exchange {
    pub(super) fn of(request: &Request<Bytes>, response: &Response<Bytes>) -> Self {
        let uri = request.uri();
        let mut headers = response.headers().clone();
        let telling = [CONTENT_TYPE, DATE, AGE, LOCATION, RETRY_AFTER, SERVER];
        let others: Vec<_> = headers
            .keys()
            .filter(|name| !telling.contains(name))
            .cloned()
            .collect();
        for name in others {
            headers.remove(name);
        }
        Self {
            url: format!(
                "{}://{}{}",
                uri.scheme_str().unwrap_or_default(),
                uri.authority().map_or("", |authority| authority.as_str()),
                uri.path()
            ),
            method: request.method().to_string(),
            status: response.status(),
            body: Body::of(response),
            headers,
            received: std::time::SystemTime::now(),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The names of the members at the top of the answer.
    pub(super) fn member_names(&self) -> Vec<&str> {
        match &self.body {
            Body::Json { members, .. } => members.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn plain(&self, name: &str) -> Option<&Value> {
        match &self.body {
            Body::Json { plain, .. } => plain.get(name),
            _ => None,
        }
    }
}

impl Body {
    fn of(response: &Response<Bytes>) -> Self {
        let body = response.body();
        let trimmed = body.trim_ascii_start();
        let kind = response.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if trimmed.is_empty() {
            return Self::Empty;
        }
        if kind.starts_with("text/html") || trimmed.starts_with(b"<") {
            return Self::Html;
        }
        let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
            return Self::Other;
        };
        let plain = PLAIN
            .into_iter()
            .filter_map(|name| Some((name, object.get(name)?.clone())))
            .filter(|(_, value)| !value.is_object() && !value.is_array())
            .collect();
        let members = object
            .iter()
            .map(|(name, value)| (name.chars().take(64).collect(), type_of(value)))
            .collect();
        Self::Json { members, plain }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
