//! Answers, and the body that carries them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use crate::fields::Fields;

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self {
            status: status_code(status),
            headers,
            body: body.into(),
            trailers: None,
        }
    }

    pub(crate) fn json(status: u16, fields: &Fields) -> Self {
        let mut answer = match fields.whole_body() {
            Some(body) => Self::new(status, "text/plain", body.to_owned()),
            None => Self::new(status, "application/json", fields.to_json()),
        };
        answer.headers.extend(fields.headers.clone());
        answer
    }

    /// The whole answer, or with `cut` its head and half its body before the connection breaks.
    pub(crate) fn into_response(self, cut: bool) -> Response<Reply> {
        let mut response = Response::new(Reply {
            data: Some(self.body),
            trailers: self.trailers,
            end: End::Whole,
        });
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if cut {
            // One byte at least must stay owing, also for an answer without a body.
            let whole = response.body().data.as_ref().map_or(0, Bytes::len).max(2);
            response
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from(whole));
            let reply = response.body_mut();
            reply.end = End::Flush;
            if let Some(data) = &mut reply.data {
                data.truncate(whole / 2);
            }
        }
        response
    }
}

/// Statuses outside 200–999 cannot end an exchange and become 500.
pub(crate) fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status)
        .ok()
        .filter(|status| !status.is_informational())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    /// Pause once, so that what was written leaves before the connection breaks.
    Flush,
    Break,
}

pub(crate) struct Reply {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
    end: End,
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(data) = self.data.take().filter(|data| !data.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.end {
            End::Whole => Poll::Ready(self.trailers.take().map(|map| Ok(Frame::trailers(map)))),
            End::Flush => {
                self.end = End::Break;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            End::Break => Poll::Ready(Some(Err(io::Error::other("cut on purpose")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.end == End::Whole
            && self.trailers.is_none()
            && self.data.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        match self.end {
            // With a length, HTTP/1.1 would leave the trailers out.
            End::Whole if self.trailers.is_none() => {
                SizeHint::with_exact(self.data.as_ref().map_or(0, Bytes::len) as u64)
            }
            _ => SizeHint::default(),
        }
    }
}
