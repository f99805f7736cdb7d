//! What the benchmarks share: one realistic request, an inner service that does nothing, and the
//! contenders around it.

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
use tower::{Service, service_fn};

/// A token of 900 characters, as JWTs are.
pub fn token() -> String {
    "eyJhbGciOiJSUzI1NiJ9.".chars().cycle().take(900).collect()
}

/// A POST with an absolute URI, six headers and a short body.
///
/// # Errors
/// Never: all its parts are valid.
pub fn request() -> Result<Request<Full<Bytes>>, http::Error> {
    Request::post("https://api.example.com/payments/v2/credit-transfers?limit=1")
        .header("accept", "application/json")
        .header("content-type", "application/json")
        .header("user-agent", "acme-sdk/1.2.3 (linux; x86_64)")
        .header(
            "x-request-id",
            "0b7f7a52-62b8-4f0e-9e5c-3a1d8f6c2b11".to_owned(),
        )
        .header(
            "idempotency-key",
            "c1b2f3d4-aaaa-bbbb-cccc-1234567890ab".to_owned(),
        )
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        .body(Full::new(Bytes::from_static(b"{\"amount\":100}")))
}

/// A `Cached` that has its token already.
///
/// # Errors
/// Never: the token is valid and nothing is fetched over a network.
pub fn warm() -> Result<Cached, Error> {
    let source = Credential::bearer(&token())?.never_expires();
    let cached = Cached::new(source);
    let runtime = tokio::runtime::Runtime::new().map_err(Error::transient)?;
    runtime.block_on(cached.get())?;
    Ok(cached)
}

/// What the inner service's future is.
type Answer = Ready<Result<Response<Full<Bytes>>, Infallible>>;

/// An inner service that answers 200 at once, whatever the body's type.
pub fn noop<B>()
-> impl Service<Request<B>, Response = Response<Full<Bytes>>, Error = Infallible, Future = Answer>
+ Clone {
    service_fn(|request: Request<B>| {
        std::hint::black_box(&request);
        ready(Ok(Response::new(Full::default())))
    })
}

/// Calls a service whose futures are ready at once.
pub fn call<S, R>(service: &mut S, request: R) -> Option<S::Response>
where
    S: Service<R>,
{
    let mut future = pin!(service.call(request));
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(outcome) => outcome.ok(),
        Poll::Pending => None,
    }
}
