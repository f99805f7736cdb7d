//! [`Drain`]: reads a short answer to its end, so that an HTTP/1.1 connection can be used again.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Buf;
use http_body::Body;
use pin_project_lite::pin_project;

/// A longer answer than this is dropped: closing a connection is cheaper then.
const LIMIT: usize = 16 * 1024;

/// How often the connection's task gets a turn to hand over what has arrived. Nothing is waited
/// for: a body that is not there after these turns is dropped.
const TURNS: u8 = 8;

pin_project! {
    /// Ends when the body has, or when it is not worth more reading. Its outcome says nothing.
    pub(crate) struct Drain<R> {
        #[pin]
        body: R,
        read: usize,
        turns: u8,
    }
}

impl<R> Drain<R> {
    pub(crate) fn new(body: R) -> Self {
        Self {
            body,
            read: 0,
            turns: 0,
        }
    }
}

impl<R: Body> Future for Drain<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        while !this.body.is_end_stream() {
            match this.body.as_mut().poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    // An empty frame counts too, or a body of nothing else would never end.
                    *this.read += frame.data_ref().map_or(0, Buf::remaining).max(1);
                    if *this.read > LIMIT {
                        break;
                    }
                }
                Poll::Ready(_) => break,
                Poll::Pending if *this.turns == TURNS => break,
                Poll::Pending => {
                    *this.turns += 1;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(())
    }
}
