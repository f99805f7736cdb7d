//! How much of a gRPC call a server may have acted on: what decides whether it is sent again.
//!
//! [`Counted`] is a request's body that tells how many messages it has sent. What stands between the
//! layer and a client for gRPC wraps bodies in it, and puts
//! [`Processed`](hallpass_core::adapter::Processed) on the answers to calls of more than one message:
//! a server may act on the messages of a stream before it refuses it. `hallpass-tonic` does so.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hallpass_core::BoxError;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

/// What a call has sent, as far as its replay depends on it.
#[derive(Debug, Default)]
pub struct Progress(AtomicU8);

const NOTHING: u8 = 0;
const SOMETHING: u8 = 1;
const ONE_MESSAGE: u8 = 2;

impl Progress {
    /// Whether the body has ended after exactly one message, as that of a unary or a
    /// server-streaming call does.
    pub fn is_one_message(&self) -> bool {
        self.0.load(Ordering::Acquire) == ONE_MESSAGE
    }

    /// Whether no server can have acted on a message.
    pub fn is_nothing(&self) -> bool {
        self.0.load(Ordering::Acquire) == NOTHING
    }
}

type Next = Option<Result<Frame<Bytes>, BoxError>>;

pin_project! {
    /// A request's body that tells its [`Progress`].
    #[derive(Debug)]
    pub struct Counted<B> {
        #[pin]
        inner: B,
        messages: Messages,
        progress: Arc<Progress>,
        // What follows the first message, if that is known already.
        ahead: Option<Next>,
    }
}

impl<B> Counted<B> {
    /// Tells `progress` what of `inner` is sent.
    pub fn new(inner: B, progress: Arc<Progress>) -> Self {
        Self {
            inner,
            messages: Messages::default(),
            progress,
            ahead: None,
        }
    }
}

impl<B> Body for Counted<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Next> {
        let mut this = self.project();
        let frame = match this.ahead.take() {
            Some(frame) => frame,
            None => ready!(poll(this.inner.as_mut(), context)),
        };
        if let Some(data) = frame
            .as_ref()
            .and_then(|frame| frame.as_ref().ok()?.data_ref())
        {
            this.messages.read(data);
            this.progress.0.store(SOMETHING, Ordering::Release);
            // The server may answer this message before anybody asks for the next.
            if this.messages.is_one()
                && let Poll::Ready(next) = poll(this.inner.as_mut(), context)
            {
                *this.ahead = Some(next);
            }
        }
        let has_ended = match (&frame, &this.ahead) {
            (None, _) | (Some(Ok(_)), Some(None)) => true,
            // HTTP/2 may say the end in a frame of its own, without a byte in it.
            (Some(Ok(_)), Some(Some(Ok(next)))) => {
                next.data_ref().is_none_or(Bytes::is_empty) && this.inner.is_end_stream()
            }
            (Some(Ok(frame)), None) => frame.is_trailers() || this.inner.is_end_stream(),
            (Some(_), _) => false,
        };
        if has_ended && this.messages.is_one() {
            this.progress.0.store(ONE_MESSAGE, Ordering::Release);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.ahead {
            Some(next) => next.is_none(),
            None => self.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.ahead {
            Some(_) => SizeHint::default(),
            None => self.inner.size_hint(),
        }
    }
}

fn poll<B>(inner: Pin<&mut B>, context: &mut Context<'_>) -> Poll<Next>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let next = inner.poll_frame(context);
    next.map(|next| next.map(|frame| frame.map_err(Into::into)))
}

/// Flag and length, before each message (gRPC over HTTP/2, "Length-Prefixed-Message").
const PREFIX: usize = 5;

/// Counts messages, however they are cut into frames.
#[derive(Debug, Default)]
struct Messages {
    count: u64,
    prefix: [u8; PREFIX],
    /// Bytes of the prefix read.
    read: usize,
    /// Bytes of the message still to come.
    left: u32,
}

impl Messages {
    fn read(&mut self, mut data: &[u8]) {
        while let Some((first, rest)) = data.split_first() {
            if self.read < PREFIX {
                self.prefix[self.read] = *first;
                self.read += 1;
                data = rest;
                if self.read == PREFIX {
                    let [_, a, b, c, d] = self.prefix;
                    self.left = u32::from_be_bytes([a, b, c, d]);
                }
            } else {
                let length = u32::try_from(data.len()).unwrap_or(u32::MAX).min(self.left);
                self.left -= length;
                data = data.get(length as usize..).unwrap_or_default();
            }
            if self.read == PREFIX && self.left == 0 {
                self.count += 1;
                self.read = 0;
            }
        }
    }

    fn is_one(&self) -> bool {
        self.count == 1 && self.read == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(frames: &[&[u8]]) -> (u64, bool) {
        let mut messages = Messages::default();
        for frame in frames {
            messages.read(frame);
        }
        (messages.count, messages.is_one())
    }

    /// Its frames are there, and the last one says that it is.
    struct Frames(Vec<Bytes>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            let next = (!self.0.is_empty()).then(|| self.0.remove(0));
            Poll::Ready(next.map(|data| Ok(Frame::data(data))))
        }

        fn is_end_stream(&self) -> bool {
            self.0.is_empty()
        }
    }

    #[test]
    fn an_end_in_a_frame_of_its_own_is_known_with_the_message() {
        let message = Bytes::from_static(b"\0\0\0\0\x01a");
        let more = Bytes::from_static(b"\0");
        for (frames, expected) in [
            (vec![message.clone()], true),
            (vec![message.clone(), Bytes::new()], true),
            (vec![message.clone(), more], false),
            (vec![message.clone(), message], false),
        ] {
            let progress = Arc::<Progress>::default();
            let mut body = Counted::new(Frames(frames), Arc::clone(&progress));
            let mut context = Context::from_waker(std::task::Waker::noop());
            assert!(Pin::new(&mut body).poll_frame(&mut context).is_ready());
            assert_eq!(progress.is_one_message(), expected);
        }
    }

    #[test]
    fn messages_are_counted_however_they_are_cut() {
        assert_eq!(count(&[]), (0, false));
        assert_eq!(count(&[b"\0\0\0\0\0"]), (1, true));
        assert_eq!(count(&[b"\0\0\0\0\x03abc"]), (1, true));
        assert_eq!(count(&[b"\0\0", b"\0\0\x03a", b"", b"bc"]), (1, true));
        assert_eq!(count(&[b"\0\0\0\0\x03ab"]), (0, false));
        assert_eq!(count(&[b"\0\0\0\0\x03abc\0"]), (1, false));
        assert_eq!(count(&[b"\0\0\0\0\x01a\x01\0\0\0\x01b"]), (2, false));
    }
}
