//! [`Kept`]: what stays of a request while it is on its way.

use std::mem;

use hallpass_core::adapter::Snapshot;
use http::Method;
use reqwest::{Request, Url};

/// A request without any credential of ours, to be sent again or elsewhere.
pub(crate) enum Kept {
    Request {
        /// Without headers, and without its body if that is a stream.
        bare: Box<Request>,
        /// Apart, because to clone them costs an allocation each.
        headers: Snapshot,
        whole: bool,
    },
    /// Where it goes, if it is sent once only.
    Target(Method, Url),
}

impl Kept {
    /// What it takes to send the request again, or to follow a redirect. Bytes are shared; a stream
    /// can't be kept.
    pub(crate) fn of(request: &mut Request, replays: bool, follows: bool) -> Self {
        if !replays && !follows {
            return Self::target(request);
        }
        let headers = mem::take(request.headers_mut());
        let whole = request.try_clone();
        *request.headers_mut() = headers;
        let (bare, whole) = match whole {
            Some(whole) => (whole, true),
            None if follows => (without_body(request), false),
            None => return Self::target(request),
        };
        Self::Request {
            bare: Box::new(bare),
            headers: Snapshot::of(("", ""), request.headers()),
            whole,
        }
    }

    fn target(request: &Request) -> Self {
        Self::Target(request.method().clone(), request.url().clone())
    }

    pub(crate) fn url(&self) -> &Url {
        match self {
            Self::Request { bare, .. } => bare.url(),
            Self::Target(_, url) => url,
        }
    }

    pub(crate) fn method(&self) -> &Method {
        match self {
            Self::Request { bare, .. } => bare.method(),
            Self::Target(method, _) => method,
        }
    }

    pub(crate) const fn is_whole(&self) -> bool {
        matches!(self, Self::Request { whole: true, .. })
    }

    /// Whether the server has nothing more to read than the head.
    pub(crate) fn is_bodiless(&self) -> bool {
        match self {
            Self::Request { bare, .. } => bare.body().is_none_or(is_empty),
            Self::Target(..) => false,
        }
    }

    /// The request once more, if it is whole.
    pub(crate) fn again(&self) -> Option<Request> {
        match self {
            Self::Request {
                bare,
                headers,
                whole: true,
            } => {
                let mut again = bare.try_clone()?;
                *again.headers_mut() = headers.headers()?;
                Some(again)
            }
            _ => None,
        }
    }

    /// The request once more, but for its body.
    pub(crate) fn head(&self) -> Option<Request> {
        match self {
            Self::Request { bare, headers, .. } => {
                let mut head = without_body(bare);
                *head.headers_mut() = headers.headers()?;
                Some(head)
            }
            Self::Target(..) => None,
        }
    }
}

fn is_empty(body: &reqwest::Body) -> bool {
    body.as_bytes().is_some_and(<[u8]>::is_empty)
}

fn without_body(request: &Request) -> Request {
    let mut head = Request::new(request.method().clone(), request.url().clone());
    *head.timeout_mut() = request.timeout().copied();
    *head.version_mut() = request.version();
    head
}
