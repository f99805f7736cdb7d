//! [`Absent`]: the one reason for which another credential may take a source's place.

use std::{error::Error as StdError, fmt};

use hallpass_core::{BoxError, Error};

/// There is nothing where a source looks: no file, no variable, no metadata server.
///
/// It stands behind an [`Error`], whatever its sentence says, so that a chain can tell this from a
/// source that is there and fails.
#[derive(Debug)]
pub(crate) struct Absent(BoxError);

impl Absent {
    /// Something that may appear by itself, later.
    pub(crate) fn for_now(cause: impl Into<BoxError>) -> Error {
        Error::transient(Self(cause.into()))
    }

    /// Something that stays away until somebody changes it.
    pub(crate) fn for_good(cause: impl Into<BoxError>) -> Error {
        Error::permanent(Self(cause.into()))
    }

    pub(crate) fn is_behind(error: &Error) -> bool {
        let mut cause = error.source();
        while let Some(error) = cause {
            if error.is::<Self>() {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for Absent {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
