//! [`Error`]: what the service below has failed with.

use std::fmt;

use hallpass_core::BoxError;

/// What the service below has failed with, a credential's error among others, or why a request could
/// not be made.
///
/// `Display` and `source` are those of what is inside; [`get_ref`](Self::get_ref) is that itself.
#[derive(Debug)]
pub struct Error(BoxError);

impl Error {
    pub(crate) fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }

    /// The error itself, to be asked for its type.
    pub fn get_ref(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        &*self.0
    }

    /// The credential's error, if it is one, of a layer with boxed errors (`BearerLayer::boxed`):
    /// nothing was sent then.
    pub fn credential(&self) -> Option<&hallpass_core::Error> {
        let first: &(dyn std::error::Error + 'static) = &*self.0;
        std::iter::successors(Some(first), |error| error.source())
            .find_map(|error| error.downcast_ref())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
