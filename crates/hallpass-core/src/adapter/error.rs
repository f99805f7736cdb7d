//! [`CallError`]: no credential, or the client's own error.

use std::fmt;

use crate::{BoxError, Error};

/// Why there is no response.
///
/// `Display` and `source` are those of what is inside.
#[derive(Debug)]
pub enum CallError<E> {
    /// No credential could be had, or it may not be sent there. Nothing was sent in its place.
    Credential(Error),
    /// The client below failed.
    Inner(E),
}

impl<E> CallError<E> {
    /// The client's error, if it is one.
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::Credential(_) => None,
            Self::Inner(error) => Some(error),
        }
    }
}

impl<E: Into<BoxError>> CallError<E> {
    /// The error alone, boxed.
    ///
    /// Layers such as tower's `Buffer` and `Timeout` have boxed errors, which are no
    /// `std::error::Error` themselves. Above such a layer map the error with this:
    /// `ServiceBuilder::new().map_err(hallpass_tower::Error::into_boxed).layer(bearer)`.
    pub fn into_boxed(self) -> BoxError {
        match self {
            Self::Credential(error) => error.into(),
            Self::Inner(error) => error.into(),
        }
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(error) => error.fmt(f),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error> std::error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Credential(error) => error.source(),
            Self::Inner(error) => error.source(),
        }
    }
}

impl<E> From<Error> for CallError<E> {
    fn from(error: Error) -> Self {
        Self::Credential(error)
    }
}
