//! What the benchmarks share: one realistic request, an inner service that does nothing, the
//! contenders around it, and how they are measured side by side.
//!
//! ```text
//! contenders ──▶ rounds: laps in turn ──▶ table: print, JSON, Markdown, SVG
//!     └────────▶ counting: allocations, instructions ──┘   └──▶ targets: ok or missed
//! ```
//!
//! [`trouble`] has contenders of its own: they keep tokens of a server in trouble.

pub mod clock;
pub mod compare;
pub mod contenders;
pub mod counting;
pub mod machine;
pub mod options;
pub mod plot;
pub mod rounds;
pub mod served;
pub mod table;
pub mod targets;
pub mod trouble;

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use hallpass_core::{Cached, Credential, Error};
use http::{Request, Response};
use http_body_util::Full;
use tower::Service;

/// A token of 900 characters, as JWTs are.
pub fn token() -> String {
    "eyJhbGciOiJSUzI1NiJ9.".chars().cycle().take(900).collect()
}

/// The URL of every measured request.
pub const URL: &str = "https://api.example.com/payments/v2/credit-transfers?limit=1";

/// Its headers. Values that a client makes anew for every request own their bytes.
pub const HEADERS: [(&str, &str, bool); 6] = [
    ("accept", "application/json", false),
    ("content-type", "application/json", false),
    ("user-agent", "acme-sdk/1.2.3 (linux; x86_64)", false),
    ("x-request-id", "0b7f7a52-62b8-4f0e-9e5c-3a1d8f6c2b11", true),
    (
        "idempotency-key",
        "c1b2f3d4-aaaa-bbbb-cccc-1234567890ab",
        true,
    ),
    (
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        true,
    ),
];

/// A POST with an absolute URI, six headers and a short body.
///
/// # Errors
/// Never: all its parts are valid.
pub fn request() -> Result<Request<Full<Bytes>>, http::Error> {
    let mut request = Request::post(URL);
    for (name, value, owned) in HEADERS {
        request = if owned {
            request.header(name, value.to_owned())
        } else {
            request.header(name, http::HeaderValue::from_static(value))
        };
    }
    request.body(Full::new(Bytes::from_static(b"{\"amount\":100}")))
}

/// A `Cached` that has its token already.
///
/// # Errors
/// Never: the token is valid and nothing is fetched over a network.
pub fn warm() -> Result<Cached, Error> {
    warm_with(ready(Credential::bearer(&token())))
}

/// A `Cached` that has this credential already.
///
/// # Errors
/// If the credential can't be made.
pub fn warm_with(
    credential: impl Future<Output = Result<Credential, Error>>,
) -> Result<Cached, Error> {
    let runtime = tokio::runtime::Runtime::new().map_err(Error::transient)?;
    let source = runtime.block_on(credential)?.never_expires();
    let cached = Cached::new(source);
    runtime.block_on(cached.get())?;
    Ok(cached)
}

/// An inner service that answers 200 at once, whatever the body's type.
#[derive(Debug, Clone, Copy)]
pub struct Noop;

impl<B> Service<Request<B>> for Noop {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        std::hint::black_box(&request);
        ready(Ok(Response::new(Full::default())))
    }
}

/// Polls a future that is ready at once.
pub fn at_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}
