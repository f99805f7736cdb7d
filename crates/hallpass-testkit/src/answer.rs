//! Answers, refusals, and the body that carries them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use serde_json::{Value, json};

use crate::system::System;

/// The members of a JSON object in the order they are sent, because one vendor's order is unusual.
#[derive(Default)]
pub(crate) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    pub(crate) fn maybe(self, name: &'static str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        match self.0.iter_mut().find(|(seen, _)| *seen == name) {
            Some((_, old)) => *old = value.into(),
            None => self.0.push((name, value.into())),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(seen, _)| *seen != name);
    }

    pub(crate) fn to_json(&self) -> String {
        let members: Vec<_> = self
            .0
            .iter()
            .map(|(name, value)| format!("{}:{value}", json!(name)))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self {
            status: status_code(status),
            headers,
            body: body.into(),
        }
    }

    pub(crate) fn json(status: u16, fields: &Fields) -> Self {
        Self::new(status, "application/json", fields.to_json())
    }

    /// The whole answer, or with `cut` its head and half its body before the connection breaks.
    pub(crate) fn into_response(self, cut: bool) -> Response<Reply> {
        let mut response = Response::new(Reply {
            data: Some(self.body),
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

/// Why a request is turned down, before it is put into the vendor's words.
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) error: &'static str,
    pub(crate) description: &'static str,
    pub(crate) header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(crate) fn new(status: u16, error: &'static str, description: &'static str) -> Self {
        Self {
            status,
            error,
            description,
            header: None,
        }
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    pub(crate) fn render(self, system: System) -> Answer {
        let fields = match system {
            System::Atlar => Fields::default()
                .with("status", self.status)
                .with("message", self.description),
            _ if self.description.is_empty() => Fields::default().with("error", self.error),
            _ => Fields::default()
                .with("error", self.error)
                .with("error_description", self.description),
        };
        let mut answer = Answer::json(self.status, &fields);
        if let Some((name, value)) = self.header {
            answer.headers.insert(name, value);
        }
        answer
    }
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
            End::Whole => Poll::Ready(None),
            End::Flush => {
                self.end = End::Break;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            End::Break => Poll::Ready(Some(Err(io::Error::other("cut on purpose")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.end == End::Whole && self.data.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        match self.end {
            End::Whole => SizeHint::with_exact(self.data.as_ref().map_or(0, Bytes::len) as u64),
            _ => SizeHint::default(),
        }
    }
}
