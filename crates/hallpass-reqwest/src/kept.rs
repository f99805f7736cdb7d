//! [`Kept`]: what stays of a request while it is on its way.

use std::mem;

use hallpass_core::Snapshot;
use reqwest::{Request, Url};

/// What a replay needs, or else the URL alone, to know where an answer should come from.
pub(crate) enum Kept {
    /// The headers are kept apart, because to clone them costs an allocation each.
    Whole {
        bare: Box<Request>,
        headers: Snapshot,
    },
    Url(Url),
}

impl Kept {
    /// Bytes are shared; a request whose body is a stream can't be kept whole.
    pub(crate) fn of(request: &mut Request, whole: bool) -> Self {
        match whole.then(|| bare(request)).flatten() {
            Some(bare) => Self::Whole {
                bare,
                headers: Snapshot::of(("", ""), request.headers()),
            },
            None => Self::Url(request.url().clone()),
        }
    }

    pub(crate) fn url(&self) -> &Url {
        match self {
            Self::Whole { bare, .. } => bare.url(),
            Self::Url(url) => url,
        }
    }

    pub(crate) const fn is_whole(&self) -> bool {
        matches!(self, Self::Whole { .. })
    }

    /// The request once more, if it is whole, and what is left.
    pub(crate) fn take(self) -> (Option<Request>, Self) {
        match self {
            Self::Whole { mut bare, headers } => {
                let left = Self::Url(bare.url().clone());
                let headers = headers.headers();
                let again = headers.map(|headers| {
                    *bare.headers_mut() = headers;
                    *bare
                });
                (again, left)
            }
            Self::Url(_) => (None, self),
        }
    }
}

/// A copy without headers.
fn bare(request: &mut Request) -> Option<Box<Request>> {
    let headers = mem::take(request.headers_mut());
    let bare = request.try_clone().map(Box::new);
    *request.headers_mut() = headers;
    bare
}
