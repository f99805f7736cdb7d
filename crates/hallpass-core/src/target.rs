//! [`Target`]: where a request goes, in whatever form a client has it.

use std::borrow::Cow;

use http::{Uri, uri::Authority};

use crate::{Error, origin::Destination};

/// Where a request goes.
///
/// [`Uri`] is one. A client with a URL type of its own implements it for that, so that nothing is
/// parsed again for every request.
pub trait Target {
    /// The scheme, if it says one.
    fn scheme(&self) -> Option<&str>;

    /// Host, port and user information, if it says any.
    fn authority(&self) -> Option<&str>;

    /// The whole of it. Only credentials that sign their requests ask for this.
    ///
    /// # Errors
    /// If it can't be written as a [`Uri`].
    fn to_uri(&self) -> Result<Cow<'_, Uri>, Error>;
}

impl Target for Uri {
    #[inline]
    fn scheme(&self) -> Option<&str> {
        self.scheme_str()
    }

    #[inline]
    fn authority(&self) -> Option<&str> {
        Uri::authority(self).map(Authority::as_str)
    }

    fn to_uri(&self) -> Result<Cow<'_, Uri>, Error> {
        Ok(Cow::Borrowed(self))
    }
}

/// A target of any size as one that fits behind a pointer.
pub(crate) struct ByRef<'a, T: ?Sized>(pub(crate) &'a T);

impl<T: Target + ?Sized> Target for ByRef<'_, T> {
    fn scheme(&self) -> Option<&str> {
        self.0.scheme()
    }

    fn authority(&self) -> Option<&str> {
        self.0.authority()
    }

    fn to_uri(&self) -> Result<Cow<'_, Uri>, Error> {
        self.0.to_uri()
    }
}

pub(crate) fn destination<T: Target + ?Sized>(target: &T) -> Destination<'_> {
    Destination::of(target.scheme(), target.authority())
}
