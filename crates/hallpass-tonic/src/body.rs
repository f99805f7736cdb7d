//! [`ResponseBody`].

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use hallpass_core::adapter::Evidence;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The inner service's body, whose messages and trailers tell what became of the credential.
    pub struct ResponseBody<B>
    where
        B: Body,
    {
        #[pin]
        inner: B,
        start: Start<B>,
        evidence: Option<Evidence>,
    }
}

/// What was read of a body before it is handed up.
enum Start<B: Body> {
    Unread,
    Frame(Result<Frame<B::Data>, B::Error>),
    /// All there is.
    Ended,
}

impl<B: Body> ResponseBody<B> {
    pub(crate) fn new(inner: B) -> Self {
        Self {
            inner,
            start: Start::Unread,
            evidence: None,
        }
    }

    /// From now on it tells what it sees.
    pub(crate) fn tell(&mut self, mut evidence: Evidence) {
        if let Start::Frame(Ok(frame)) = &self.start
            && is_message(frame)
        {
            evidence.message();
        }
        self.evidence = Some(evidence);
    }

    /// The trailers, if they are all that was read. None are left then.
    pub(crate) fn take_trailers_if(
        &mut self,
        wanted: impl FnOnce(&HeaderMap) -> bool,
    ) -> Option<HeaderMap> {
        let trailers = match &mut self.start {
            Start::Frame(Ok(frame)) => frame.trailers_mut().filter(|trailers| wanted(trailers)),
            _ => None,
        };
        let trailers = std::mem::take(trailers?);
        self.start = Start::Ended;
        Some(trailers)
    }
}

impl<B: Body + Unpin> ResponseBody<B> {
    /// Reads the first frame, to be handed up later.
    pub(crate) fn poll_start(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if matches!(self.start, Start::Unread) {
            self.start = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(frame) => Start::Frame(frame),
                None => Start::Ended,
            };
        }
        Poll::Ready(())
    }
}

fn is_message<D: Buf>(frame: &Frame<D>) -> bool {
    frame.data_ref().is_some_and(Buf::has_remaining)
}

impl<B: Body + Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::new(B::default())
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = match std::mem::replace(this.start, Start::Unread) {
            Start::Unread => ready!(this.inner.poll_frame(context)),
            Start::Frame(frame) => Some(frame),
            Start::Ended => {
                *this.start = Start::Ended;
                None
            }
        };
        if let Some(Ok(frame)) = &frame {
            if let Some(trailers) = frame.trailers_ref() {
                if let Some(evidence) = this.evidence.take() {
                    evidence.ended(trailers);
                }
            } else if let Some(evidence) = this.evidence
                && is_message(frame)
            {
                evidence.message();
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.start {
            Start::Unread => self.inner.is_end_stream(),
            Start::Frame(_) => false,
            Start::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        let read = match &self.start {
            Start::Unread => return self.inner.size_hint(),
            Start::Ended => return SizeHint::with_exact(0),
            Start::Frame(frame) => frame.as_ref().ok().and_then(Frame::data_ref),
        };
        let read = read.map_or(0, Buf::remaining) as u64;
        let rest = self.inner.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint
    }
}

impl<B: Body> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}
