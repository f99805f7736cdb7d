//! Bodies to send: [`Frames`] known beforehand, and a [`Feed`] that the test fills as it goes.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use hallpass_core::BoxError;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// Frames one by one, like a stream: it does not know its length unless it is told to.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    queue: VecDeque<Result<Frame<Bytes>, BoxError>>,
    sized: bool,
    announced: Option<u64>,
    bounds: Option<(u64, u64)>,
    silent: bool,
    asked: Arc<AtomicBool>,
}

impl Frames {
    /// `count` frames of `size` bytes each, no two alike.
    pub(crate) fn many(count: usize, size: usize) -> Self {
        let frame = |at: usize| Bytes::from(pattern(at, size));
        Self {
            queue: (0..count).map(|at| Ok(Frame::data(frame(at)))).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn data(mut self, data: impl Into<Bytes>) -> Self {
        self.queue.push_back(Ok(Frame::data(data.into())));
        self
    }

    pub(crate) fn trailer(mut self, name: &'static str, value: &'static str) -> Self {
        let mut trailers = HeaderMap::new();
        trailers.insert(name, value.parse().unwrap());
        self.queue.push_back(Ok(Frame::trailers(trailers)));
        self
    }

    pub(crate) fn error(mut self, message: &'static str) -> Self {
        self.queue.push_back(Err(message.into()));
        self
    }

    pub(crate) fn sized(mut self) -> Self {
        self.sized = true;
        self
    }

    /// Says this of its length, however much of it is left.
    pub(crate) fn announces(mut self, length: u64) -> Self {
        self.announced = Some(length);
        self
    }

    /// Says only this much of its length.
    pub(crate) fn between(mut self, lower: u64, upper: u64) -> Self {
        self.bounds = Some((lower, upper));
        self
    }

    /// Does not say that it has ended before it is asked for more.
    pub(crate) fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// Whether it was asked for a frame yet.
    pub(crate) fn asked(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.asked)
    }

    /// All its data in one piece.
    pub(crate) fn bytes(&self) -> Bytes {
        let frames = self.queue.iter().filter_map(|frame| frame.as_ref().ok());
        let data = frames.filter_map(Frame::data_ref);
        data.flat_map(|data| data.iter().copied()).collect()
    }
}

fn pattern(at: usize, size: usize) -> Vec<u8> {
    (0..size).map(|byte| (at * 31 + byte * 7) as u8).collect()
}

impl Body for Frames {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.asked.store(true, Ordering::SeqCst);
        Poll::Ready(self.get_mut().queue.pop_front())
    }

    fn is_end_stream(&self) -> bool {
        self.queue.is_empty() && !self.silent
    }

    fn size_hint(&self) -> SizeHint {
        if let Some((lower, upper)) = self.bounds {
            let mut hint = SizeHint::new();
            hint.set_lower(lower);
            hint.set_upper(upper);
            hint
        } else if let Some(length) = self.announced {
            SizeHint::with_exact(length)
        } else if self.sized {
            SizeHint::with_exact(self.bytes().len() as u64)
        } else {
            SizeHint::default()
        }
    }
}

/// Frames that come when the test sends them; it ends when the sender is dropped.
#[derive(Debug)]
pub(crate) struct Feed(mpsc::UnboundedReceiver<Bytes>);

impl Feed {
    pub(crate) fn new() -> (mpsc::UnboundedSender<Bytes>, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (sender, Self(receiver))
    }
}

impl Body for Feed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let next = self.get_mut().0.poll_recv(context);
        next.map(|data| data.map(|data| Ok(Frame::data(data))))
    }
}
