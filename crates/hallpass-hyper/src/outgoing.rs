//! What a client changes in the head of a request.

use http::{
    HeaderValue, Method, Version,
    header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, TRANSFER_ENCODING},
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
/// gRPC keeps its own, because it works over nothing else. Cookies, which HTTP/2 lets callers split,
/// are one field again (RFC 9113 §8.2.3).
pub(crate) fn for_either_version(head: &mut Parts) {
    if head.version <= Version::HTTP_11 || is_grpc(head) {
        return;
    }
    head.version = Version::HTTP_11;
    let cookies: Vec<_> = head.headers.get_all(COOKIE).iter().collect();
    if cookies.len() > 1 {
        let bytes: Vec<_> = cookies.iter().map(|cookie| cookie.as_bytes()).collect();
        // Always a value: its parts were.
        if let Ok(mut joined) = HeaderValue::from_bytes(&bytes.join(&b"; "[..])) {
            joined.set_sensitive(true);
            head.headers.insert(COOKIE, joined);
        }
    }
}

/// gRPC-Web is something else.
fn is_grpc(head: &Parts) -> bool {
    let content = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = content.and_then(|content| content.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}
