//! What a client adds to the head of a request.

use http::{
    HeaderValue, Method,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
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
