//! What a client changes in the head of a request.

use http::{
    HeaderValue, Method, Version,
    header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
    request::Parts,
};

/// Says that a request without a body has none, where one is expected (RFC 9110 §8.6).
///
/// hyper leaves it out on HTTP/1.1, and strict servers answer 411.
pub(crate) fn announce_no_body(head: &mut Parts) {
    let expected = matches!(head.method, Method::POST | Method::PUT | Method::PATCH);
    if expected && !head.headers.contains_key(TRANSFER_ENCODING) {
        let none = HeaderValue::from_static("0");
        head.headers.entry(CONTENT_LENGTH).or_insert(none);
    }
}

/// Lets the connection decide the version: a gateway's callers speak HTTP/2 to it, and its upstream
/// may not.
///
/// gRPC keeps its own, because it works over nothing else.
pub(crate) fn leave_version_open(head: &mut Parts) {
    let content = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_grpc = content.is_some_and(|content| content.starts_with(b"application/grpc"));
    if head.version > Version::HTTP_11 && !is_grpc {
        head.version = Version::HTTP_11;
    }
}
