//! [`Error`]: no credential, or the inner service's own error.

use std::fmt;

use hallpass_core::BoxError;

/// Why there is no response.
///
/// `Display` and `source` are those of what is inside.
#[derive(Debug)]
pub enum Error<E> {
    /// No credential could be had, or it may not be sent there. Nothing was sent in its place.
    Credential(hallpass_core::Error),
    /// The inner service failed.
    Inner(E),
}

impl<E> Error<E> {
    /// The inner service's error, if it is one.
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::Credential(_) => None,
            Self::Inner(error) => Some(error),
        }
    }
}

impl<E: Into<BoxError>> Error<E> {
    /// The error alone, boxed.
    ///
    /// Layers such as tower's `Buffer` and `Timeout` have boxed errors, which are no
    /// `std::error::Error` themselves. Above such a layer say
    /// `ServiceBuilder::new().map_err(hallpass_tower::Error::into_boxed).layer(bearer)`.
    pub fn into_boxed(self) -> BoxError {
        match self {
            Self::Credential(error) => error.into(),
            Self::Inner(error) => error.into(),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(error) => error.fmt(f),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error> std::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Credential(error) => error.source(),
            Self::Inner(error) => error.source(),
        }
    }
}

impl<E> From<hallpass_core::Error> for Error<E> {
    fn from(error: hallpass_core::Error) -> Self {
        Self::Credential(error)
    }
}
