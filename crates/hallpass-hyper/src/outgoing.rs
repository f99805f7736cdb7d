//! [`Outgoing`]: a request's body, or none at all.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a request. Where there is nothing to send it is nothing, which can be had again.
    pub(crate) struct Outgoing<B> {
        #[pin]
        body: Option<B>,
    }
}

impl<B: Body> Outgoing<B> {
    pub(crate) fn new(body: B) -> Self {
        Self {
            body: (!body.is_end_stream()).then_some(body),
        }
    }

    pub(crate) const fn nothing() -> Self {
        Self { body: None }
    }

    pub(crate) const fn is_nothing(&self) -> bool {
        self.body.is_none()
    }
}

impl<B: Body> Body for Outgoing<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match self.project().body.as_pin_mut() {
            Some(body) => body.poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) => body.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}
