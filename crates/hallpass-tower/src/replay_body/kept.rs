//! [`Kept`]: the bytes of a body, in few pieces.

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::Frame;

/// Frames from this size on are shared; smaller ones are copied together.
///
/// A frame of one byte takes a hundred to keep, and may be a slice that holds a whole buffer.
const SHARED_FROM: usize = 1024;

/// Up to how much is copied into one piece.
const PIECE: usize = 4 * 1024;

/// What was sent of a body.
#[derive(Default)]
pub(super) struct Kept {
    /// Apart from the rest, so that a body of one frame needs no further allocation.
    first: Bytes,
    rest: Vec<Bytes>,
    /// Small frames that are no piece yet. They come after `rest`.
    small: Vec<u8>,
    length: usize,
    trailers: Option<HeaderMap>,
}

impl Kept {
    /// How many bytes of data are kept.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    pub(super) fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// What is kept from this byte on, up to the end of its piece.
    pub(super) fn from(&self, mut at: usize) -> Option<Bytes> {
        for piece in std::iter::once(&self.first).chain(&self.rest) {
            match at.checked_sub(piece.len()) {
                None => return Some(piece.slice(at..)),
                Some(beyond) => at = beyond,
            }
        }
        let small = self.small.get(at..).filter(|small| !small.is_empty());
        small.map(Bytes::copy_from_slice)
    }

    pub(super) fn push(&mut self, data: &Bytes) {
        if self.length == 0 {
            self.first = data.clone();
        } else {
            if self.small.len().saturating_add(data.len()) > PIECE {
                self.close_piece();
            }
            // Not shared behind small ones, which would then be a piece of their own each.
            if self.small.is_empty() && data.len() >= SHARED_FROM {
                self.rest.push(data.clone());
            } else {
                self.small.extend_from_slice(data);
            }
        }
        self.length += data.len();
    }

    pub(super) fn push_trailers(&mut self, trailers: &HeaderMap) {
        self.trailers = Some(trailers.clone());
    }

    fn close_piece(&mut self) {
        if !self.small.is_empty() {
            // A copy of exactly this size: what the buffer has in reserve is not kept.
            self.rest.push(Bytes::copy_from_slice(&self.small));
            self.small.clear();
        }
    }
}

/// About as much memory as these trailers take.
pub(super) fn weight(trailers: &HeaderMap) -> usize {
    /// A slot of the map with its hash.
    const SLOT: usize = 112;
    let texts = trailers.iter();
    let texts = texts.map(|(name, value)| SLOT + name.as_str().len() + value.len());
    texts.sum()
}

/// The frame with its data as [`Bytes`], which are shared if they were such already.
pub(super) fn in_bytes<D: Buf>(frame: Frame<D>) -> Frame<Bytes> {
    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
}
