//! One request, on its way to the API and back.

use std::{convert::Infallible, sync::Arc};

use hallpass::BoxError;
use http::{
    HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{LOCATION, TRANSFER_ENCODING},
};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::{
    Proxy,
    answer::{self, Body, problem},
    calls::is_grpc,
    headers, health, upgrade,
    upstream::{Needs, Upstream},
};

/// Answers a request: whatever goes wrong is an answer too.
pub(super) async fn answer(
    proxy: Arc<Proxy>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    if let Some(refusal) = proxy.guard.refuses(&request) {
        return Ok(refusal);
    }
    let upstream = proxy.upstream.load_full();
    if request.uri().path() == proxy.health {
        return Ok(health::page(&upstream));
    }
    Ok(forward(&upstream, &proxy.tunnels, request).await)
}

async fn forward(
    upstream: &Upstream,
    tunnels: &TaskTracker,
    mut request: Request<Incoming>,
) -> Response<Body> {
    if request.method() == Method::CONNECT {
        let message = "this proxy stands for one API: call it as if it were that";
        return problem(StatusCode::METHOD_NOT_ALLOWED, "method", message);
    }
    let Some(uri) = upstream.uri_of(request.uri()) else {
        return problem(StatusCode::BAD_REQUEST, "uri", "the request's path is none");
    };
    let wants_upgrade = headers::to_upstream(request.headers_mut()).is_some()
        && request.version() == Version::HTTP_11;
    let of_caller = wants_upgrade.then(|| hyper::upgrade::on(&mut request));
    let needs = match () {
        () if wants_upgrade => Needs::Http1,
        () if is_grpc(&request) && !upstream.is_secure() => Needs::Http2,
        () => Needs::Anything,
    };
    if !request.body().is_end_stream() && request.body().size_hint().exact().is_none() {
        // With a GET the client below takes a body of unknown length for none, unless it is told.
        let chunked = HeaderValue::from_static("chunked");
        request.headers_mut().insert(TRANSFER_ENCODING, chunked);
    }
    *request.uri_mut() = uri.clone();
    *request.version_mut() = Version::HTTP_11;
    request.extensions_mut().clear();

    let sent = upstream.client(needs).clone().oneshot(request).await;
    let mut response = match sent {
        Ok(response) => response,
        Err(error) => return answer::failure(&error),
    };
    let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    match (upgraded, of_caller) {
        (true, Some(of_caller)) => {
            upgrade::tunnel(tunnels, of_caller, hyper::upgrade::on(&mut response));
        }
        (true, None) => {
            let message = "the API changes to a protocol that nobody asked for";
            return problem(StatusCode::BAD_GATEWAY, "upstream", message);
        }
        (false, _) => {}
    }
    headers::to_caller(response.headers_mut(), upgraded);
    if let Some(location) = response.headers().get(LOCATION)
        && let Ok(text) = location.to_str()
        && let Some(here) = upstream.location_for_caller(text, &uri)
        && let Ok(here) = HeaderValue::try_from(here)
    {
        response.headers_mut().insert(LOCATION, here);
    }
    let (mut parts, body) = response.into_parts();
    // What connection it comes over is decided between the caller and the proxy.
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    let body = body.map_err(|error| -> BoxError { error.into() });
    Response::from_parts(parts, body.boxed_unsync())
}
