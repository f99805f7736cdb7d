//! [`Kept`]: what stays of a request while it is on its way.

use std::mem;

use hallpass_core::adapter::Snapshot;
use hallpass_tower::{Original, ReplayBody};
use http::Method;
use http_body::Body as _;
use reqwest::{Body, Request, Url};

/// A request without any credential of ours, to be sent again or elsewhere.
pub(crate) enum Kept {
    Request {
        /// Without headers, and without its body if that is a stream.
        bare: Box<Request>,
        /// Apart, because to clone them costs an allocation each.
        headers: Snapshot,
        body: KeptBody,
    },
    /// Where it goes, if it is sent once only.
    Target(Method, Url),
}

pub(crate) enum KeptBody {
    /// With the request: bytes, which are shared, or none.
    Bare,
    /// What has been sent of a stream, up to a limit.
    Stream {
        original: Original<Body>,
        /// Whether it says that it is no longer than that.
        fits: bool,
    },
    /// A stream of which nothing is kept.
    Gone,
}

impl Kept {
    /// What it takes to send the request again, or to follow a redirect. Bytes are shared; of a stream
    /// up to `limit` bytes are kept as they are sent.
    pub(crate) fn of(request: &mut Request, limit: Option<usize>, follows: bool) -> Self {
        if limit.is_none() && !follows {
            return Self::target(request);
        }
        let headers = mem::take(request.headers_mut());
        let whole = request.try_clone().map(Box::new);
        *request.headers_mut() = headers;
        let (bare, body) = match (whole, limit.unwrap_or_default()) {
            (Some(whole), _) => (whole, KeptBody::Bare),
            (None, 0) if follows => (Box::new(without_body(request)), KeptBody::Gone),
            (None, 0) => return Self::target(request),
            (None, limit) => (Box::new(without_body(request)), keep(request, limit)),
        };
        Self::Request {
            bare,
            headers: Snapshot::of(("", ""), request.headers()),
            body,
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

    /// Whether all of it can be sent again, as things stand.
    pub(crate) fn is_whole(&self) -> bool {
        match self {
            Self::Request { body, .. } => match body {
                KeptBody::Bare => true,
                KeptBody::Stream { original, .. } => original.is_whole(),
                KeptBody::Gone => false,
            },
            Self::Target(..) => false,
        }
    }

    /// Whether all of it is sure to be there to be sent again, before any of it was sent.
    pub(crate) fn will_be_whole(&self) -> bool {
        match self {
            Self::Request { body, .. } => match body {
                KeptBody::Bare => true,
                KeptBody::Stream { fits, .. } => *fits,
                KeptBody::Gone => false,
            },
            Self::Target(..) => false,
        }
    }

    /// Whether the server has nothing more to read than the head.
    pub(crate) fn is_bodiless(&self) -> bool {
        match self {
            Self::Request {
                bare,
                body: KeptBody::Bare,
                ..
            } => bare.body().is_none_or(is_empty),
            Self::Request { .. } | Self::Target(..) => false,
        }
    }

    /// The request once more, if it is whole.
    pub(crate) fn again(&self) -> Option<Request> {
        let Self::Request {
            bare,
            headers,
            body,
        } = self
        else {
            return None;
        };
        let mut again = bare.try_clone()?;
        match body {
            KeptBody::Bare => {}
            KeptBody::Stream { original, .. } => {
                *again.body_mut() = Some(Body::wrap(original.again()?));
            }
            KeptBody::Gone => return None,
        }
        *again.headers_mut() = headers.headers()?;
        Some(again)
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

/// Puts a body in the stream's place whose bytes are kept while they are sent.
fn keep(request: &mut Request, limit: usize) -> KeptBody {
    let Some(stream) = request.body_mut().take() else {
        return KeptBody::Bare;
    };
    let longest = stream.size_hint().upper();
    let fits = longest.is_some_and(|longest| longest <= limit as u64);
    let (sending, original) = ReplayBody::keeping(stream, limit);
    *request.body_mut() = Some(Body::wrap(sending));
    KeptBody::Stream { original, fits }
}

fn is_empty(body: &Body) -> bool {
    body.as_bytes().is_some_and(<[u8]>::is_empty)
}

fn without_body(request: &Request) -> Request {
    let mut head = Request::new(request.method().clone(), request.url().clone());
    *head.timeout_mut() = request.timeout().copied();
    *head.version_mut() = request.version();
    head
}
