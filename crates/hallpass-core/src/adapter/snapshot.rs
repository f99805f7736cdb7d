//! [`Snapshot`]: a request's target and headers in one buffer, rebuilt only if a replay happens.
//!
//! Cloning a fresh `HeaderMap` allocates for each value that owns its bytes, because the first
//! clone of such a value turns it into a shared one. Copying all names and values into one buffer
//! is a single allocation, whatever the number of headers; nearly every snapshot is dropped unused.

use std::str;

use http::{HeaderMap, HeaderName, HeaderValue};

/// A request's target and headers, copied into one buffer.
///
/// For adapters. Taken before a credential is attached, it holds none.
///
/// ```
/// use hallpass_core::adapter::Snapshot;
/// use http::{HeaderMap, HeaderValue, header::ACCEPT};
///
/// let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("text/plain"))]);
/// let snapshot = Snapshot::of(("example.com", "/path"), &headers);
/// assert_eq!(snapshot.target(), Some(("example.com", "/path")));
/// assert_eq!(snapshot.headers(), Some(headers));
/// ```
pub struct Snapshot {
    /// Pairs: the target, then names and values of the headers in turn. Before each stand both
    /// lengths; the second one's highest bit says whether a value is sensitive.
    bytes: Vec<u8>,
}

/// What an average header takes, lengths included; more only costs a reallocation.
const HEADER: usize = 64;
const SENSITIVE: u32 = 1 << 31;

impl Snapshot {
    /// Copies the two parts of a target, such as authority and path, and the headers.
    #[inline]
    pub fn of(target: (&str, &str), headers: &HeaderMap) -> Self {
        let (one, two) = target;
        let mut bytes = Vec::with_capacity(8 + one.len() + two.len() + HEADER * headers.len());
        push(&mut bytes, one.as_bytes(), two.as_bytes(), 0);
        for (name, value) in headers {
            let mark = if value.is_sensitive() { SENSITIVE } else { 0 };
            push(&mut bytes, name.as_str().as_bytes(), value.as_bytes(), mark);
        }
        Self { bytes }
    }

    /// The target. It is there in every snapshot that `of` has made.
    pub fn target(&self) -> Option<(&str, &str)> {
        let (one, two, _) = pull(&mut &*self.bytes)?;
        Some((str::from_utf8(one).ok()?, str::from_utf8(two).ok()?))
    }

    /// The headers once more. They are there in every snapshot that `of` has made.
    pub fn headers(&self) -> Option<HeaderMap> {
        let mut bytes = &*self.bytes;
        pull(&mut bytes)?;
        let mut headers = HeaderMap::new();
        while !bytes.is_empty() {
            let (name, value, sensitive) = pull(&mut bytes)?;
            let mut value = HeaderValue::from_bytes(value).ok()?;
            value.set_sensitive(sensitive);
            headers.append(HeaderName::from_bytes(name).ok()?, value);
        }
        Some(headers)
    }
}

#[inline]
fn push(to: &mut Vec<u8>, one: &[u8], two: &[u8], mark: u32) {
    // A single header of 2 GiB would not have fit into memory twice.
    let length = |piece: &[u8]| u32::try_from(piece.len()).unwrap_or(u32::MAX >> 1);
    let mut lengths = [0; 8];
    lengths[..4].copy_from_slice(&length(one).to_le_bytes());
    lengths[4..].copy_from_slice(&(length(two) | mark).to_le_bytes());
    to.extend_from_slice(&lengths);
    to.extend_from_slice(one);
    to.extend_from_slice(two);
}

fn pull<'a>(from: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8], bool)> {
    let (one, rest) = from.split_first_chunk::<4>()?;
    let (two, rest) = rest.split_first_chunk::<4>()?;
    let (one, two) = (u32::from_le_bytes(*one), u32::from_le_bytes(*two));
    let (one, rest) = rest.split_at_checked(one as usize)?;
    let sensitive = two & SENSITIVE != 0;
    let (two, rest) = rest.split_at_checked((two & !SENSITIVE) as usize)?;
    *from = rest;
    Some((one, two, sensitive))
}

/// Headers may be secrets of the caller's.
impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}
