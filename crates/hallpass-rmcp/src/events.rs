//! A stream of events (SSE), none of which is longer than a limit.

use std::fmt;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use hallpass_core::BoxError;
use http_body::Body;
use http_body_util::{BodyExt as _, BodyStream};
use rmcp::transport::streamable_http_client::SseError;
use sse_stream::{Sse, SseStream};

use crate::Error;

/// The events of a body.
pub(crate) fn events<B>(body: B, limit: usize) -> BoxStream<'static, Result<Sse, SseError>>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let frames = BodyStream::new(body.map_frame(|frame| {
        frame.map_data(|mut data| {
            use bytes::Buf as _;
            data.copy_to_bytes(data.remaining())
        })
    }));
    let mut size = EventSize::default();
    let data = frames.filter_map(move |frame| {
        let data = match frame {
            Ok(frame) => frame.into_data().ok().map(|data| {
                if size.add(&data) > limit {
                    return Err(Error::new(TooLarge(limit)));
                }
                Ok(data)
            }),
            Err(error) => Some(Err(Error::new(error))),
        };
        std::future::ready(data)
    });
    // Nothing is read on after an error.
    let data = data.scan(false, |failed, data: Result<Bytes, Error>| {
        let next = (!*failed).then_some(data);
        *failed |= matches!(next, Some(Err(_)));
        std::future::ready(next)
    });
    SseStream::from_bytes_stream(data.chain(stream::empty())).boxed()
}

/// How long the event is that is being read: an empty line ends it.
#[derive(Default)]
struct EventSize {
    size: usize,
    line: usize,
    after_return: bool,
}

impl EventSize {
    /// The size of the longest event that ended or is under way in these bytes.
    fn add(&mut self, data: &[u8]) -> usize {
        let mut most = self.size;
        for byte in data {
            match byte {
                b'\n' if self.after_return => {}
                b'\n' | b'\r' if self.line == 0 => self.size = 0,
                b'\n' | b'\r' => self.line = 0,
                _ => {
                    self.line += 1;
                    self.size += 1;
                    most = most.max(self.size);
                }
            }
            self.after_return = *byte == b'\r';
        }
        most
    }
}

#[derive(Debug)]
struct TooLarge(usize);

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event is longer than {} bytes", self.0)
    }
}

impl std::error::Error for TooLarge {}
