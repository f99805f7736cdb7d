//! [`Pieces`]: a body as the caller has it.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Request;
use http_body::{Frame, SizeHint};

use crate::adapter::{Body, Message};

/// A body in as many pieces as it is told, with a length only if that is one.
#[derive(Clone)]
pub(crate) struct Pieces {
    left: std::vec::IntoIter<Bytes>,
    measured: bool,
}

impl Pieces {
    fn of(body: &Body) -> Self {
        let pieces = match body {
            Body::None => vec![],
            Body::Bytes(bytes) => vec![bytes.clone()],
            Body::Streamed(pieces) => pieces.clone(),
        };
        Self {
            left: pieces.into_iter(),
            measured: !matches!(body, Body::Streamed(_)),
        }
    }
}

/// The message as a request of the `http` crate.
pub(crate) fn request(message: Message) -> Request<Pieces> {
    let mut request = Request::post(message.url);
    for (name, value) in message.headers {
        request = request.header(name, value);
    }
    if message.without_credential {
        request = request.extension(hallpass_core::NoCredential);
    }
    if let Some(key) = message.key {
        request = request.extension(key);
    }
    if let Some(cached) = message.with {
        request = request.extension(cached);
    }
    request.body(Pieces::of(&message.body)).unwrap()
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.left.next().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        if self.measured {
            let left = self.left.as_slice().iter().map(Bytes::len).sum::<usize>();
            SizeHint::with_exact(left as u64)
        } else {
            SizeHint::default()
        }
    }
}
