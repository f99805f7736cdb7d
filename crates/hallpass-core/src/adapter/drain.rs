//! [`Drain`]: reads a short answer to its end, so that an HTTP/1.1 connection can be used again.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Buf;
use http::{HeaderMap, Version, header::CONTENT_TYPE};
use http_body::Body;
use pin_project_lite::pin_project;

use super::Patience;

/// A longer answer than this is dropped: closing a connection is cheaper then.
const LIMIT: usize = 16 * 1024;

/// Whether it is worth reading what is left of a refused request's answer.
///
/// It is over HTTP/1.1 alone: dropping a body costs a connection there, and one stream over HTTP/2.
/// A stream of events has no end to wait for.
pub fn can_be_drained(version: Version, headers: &HeaderMap) -> bool {
    version <= Version::HTTP_11 && !is_event_stream(headers)
}

/// Whether the body is a stream of events, which begins when there is one and has no end.
pub fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

pin_project! {
    /// Reads a body until it ends, fails, exceeds 16 KiB or keeps it waiting for 50 ms. What comes
    /// of it does not matter: a rest that is dropped closes its connection.
    pub struct Drain<R> {
        #[pin]
        body: R,
        read: usize,
        patience: Patience,
    }
}

impl<R> Drain<R> {
    /// Reads this body.
    pub fn new(body: R) -> Self {
        Self {
            body,
            read: 0,
            patience: Patience::new(),
        }
    }
}

impl<R: Body> Future for Drain<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if this.body.size_hint().lower() > LIMIT as u64 {
            return Poll::Ready(());
        }
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
                Poll::Pending => return this.patience.poll_over(context),
            }
        }
        Poll::Ready(())
    }
}

impl<R> fmt::Debug for Drain<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").finish_non_exhaustive()
    }
}
