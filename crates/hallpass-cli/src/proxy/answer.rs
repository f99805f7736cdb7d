//! The proxy's own answers.

use std::time::Duration;

use bytes::Bytes;
use hallpass::{BoxError, Error, hyper, tower};
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use serde::Serialize;

use crate::exit::chain;

pub(super) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Says that an answer is the proxy's and not the API's, and what failed.
const HALLPASS_ERROR: HeaderName = HeaderName::from_static("hallpass-error");

#[derive(Serialize)]
struct Problem<'a> {
    error: &'a str,
    message: &'a str,
}

pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(whole(text.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A refusal or a failure: `error` is a word for programs, `message` a sentence for people.
pub(super) fn problem(status: StatusCode, error: &'static str, message: &str) -> Response<Body> {
    let mut response = json(status, &Problem { error, message });
    response
        .headers_mut()
        .insert(HALLPASS_ERROR, HeaderValue::from_static(error));
    response
}

/// What becomes of a request that got no answer from the API.
pub(super) fn failure(error: &tower::Error<hyper::Error>) -> Response<Body> {
    match error {
        tower::Error::Credential(error) => no_credential(error),
        tower::Error::Inner(error) if error.is_timeout() => {
            problem(StatusCode::GATEWAY_TIMEOUT, "upstream", &chain(error))
        }
        tower::Error::Inner(error) => problem(StatusCode::BAD_GATEWAY, "upstream", &chain(error)),
    }
}

fn no_credential(error: &Error) -> Response<Body> {
    let status = match () {
        () if error.is_timeout() => StatusCode::GATEWAY_TIMEOUT,
        () if error.is_transient() => StatusCode::SERVICE_UNAVAILABLE,
        () => StatusCode::BAD_GATEWAY,
    };
    let mut response = problem(status, "credential", &chain(error));
    if let Some(delay) = error.retry_after() {
        let seconds = delay.max(Duration::from_secs(1)).as_secs_f64().ceil();
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds as u64));
    }
    response
}

pub(super) fn whole(body: Bytes) -> Body {
    Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}
