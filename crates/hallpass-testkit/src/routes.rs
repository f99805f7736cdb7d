//! Paths with an answer of their own.

use std::collections::HashMap;

use bytes::Bytes;
use http::HeaderValue;

/// What a path does with a request whose token lives.
#[derive(Clone)]
pub(crate) enum PathRule {
    /// Answers this JSON.
    Json(Bytes),
    Redirect {
        status: u16,
        location: HeaderValue,
    },
    /// Answers 401 all the same.
    Refuse,
}

#[derive(Default)]
pub(crate) struct Routes(HashMap<String, PathRule>);

impl Routes {
    pub(crate) fn set(&mut self, path: &str, rule: PathRule) {
        self.0.insert(path.to_owned(), rule);
    }

    pub(crate) fn find(&self, path: &str) -> Option<PathRule> {
        self.0.get(path).cloned()
    }
}
