//! What a test can have done to a request instead of a right answer.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::headers::{header_map, header_value};
use crate::malformed::Malformed;

#[derive(Clone)]
pub(crate) enum Fault {
    Fail(u16),
    Reject,
    /// A refusal that leaves the body unread, and breaks the connection this long after it.
    RejectUnread(Duration),
    Cut,
    HangUp,
    RefuseStream,
    Hang,
    Malformed(Malformed),
    Respond(Box<Canned>),
}

/// An answer that a test wrote.
#[derive(Clone)]
pub(crate) struct Canned {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Canned {
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: header_map(headers),
            body: body.into(),
            trailers: None,
        }
    }

    /// A gRPC answer whose status comes in its head.
    pub(crate) fn grpc_trailers_only(status: u16) -> Self {
        Self::new(200, &grpc_status(&status.to_string()), "")
    }

    /// A gRPC answer whose status comes in trailers, after so many empty messages.
    pub(crate) fn grpc_trailers(status: u16, messages: usize) -> Self {
        // One byte for "not compressed" and four for a length of zero.
        Self::grpc_answer(status, [0_u8; 5].repeat(messages))
    }

    /// A gRPC answer of one message that went well.
    pub(crate) fn grpc(message: &[u8]) -> Self {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        Self::grpc_answer(0, [&[0], &length.to_be_bytes()[..], message].concat())
    }

    fn grpc_answer(status: u16, messages: Vec<u8>) -> Self {
        let mut canned = Self::new(200, &grpc_status(&status.to_string()), messages);
        let mut trailers = std::mem::take(&mut canned.headers);
        trailers.remove(CONTENT_TYPE);
        canned.trailers = Some(trailers);
        canned
            .headers
            .insert(CONTENT_TYPE, header_value("application/grpc"));
        canned
    }
}

fn grpc_status(status: &str) -> [(&str, &str); 2] {
    [
        ("content-type", "application/grpc"),
        ("grpc-status", status),
    ]
}
