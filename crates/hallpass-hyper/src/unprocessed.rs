//! [`Unprocessed`]: how it is known that a server has not looked at a request.

use std::error::Error as StdError;

use h2::Reason;

use crate::connector::causes;

/// The two ways in which an HTTP/2 server says so (RFC 9113 §8.7), and one in which it can't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unprocessed {
    /// The connection ends, and the request came too late for it (§6.8).
    GoneAway,
    /// The connection goes on, and took no further stream.
    Refused,
    /// The connection ended before it took the request.
    LeftBehind,
}

impl Unprocessed {
    /// Looks through everything behind an error.
    pub(crate) fn of(error: &(dyn StdError + 'static)) -> Option<Self> {
        causes(error).find_map(|cause| Self::of_http2(cause.downcast_ref()?))
    }

    pub(crate) fn of_http2(error: &h2::Error) -> Option<Self> {
        // A code other than NO_ERROR says the same, but comes from servers in trouble.
        if error.is_go_away() && error.is_remote() && error.reason() == Some(Reason::NO_ERROR) {
            Some(Self::GoneAway)
        } else if error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM) {
            Some(Self::Refused)
        } else {
            None
        }
    }
}
