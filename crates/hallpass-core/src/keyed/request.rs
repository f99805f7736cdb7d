//! [`RequestHead`]: what a key can be found in.

use std::{borrow::Cow, fmt};

use http::{Extensions, HeaderMap, Uri};

use crate::target::Target;

/// A request, as far as its key can be found in it.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    target: &'a dyn Target,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

impl<'a> RequestHead<'a> {
    pub(crate) fn new(
        target: &'a dyn Target,
        headers: &'a HeaderMap,
        extensions: &'a Extensions,
    ) -> Self {
        Self {
            target,
            headers,
            extensions,
        }
    }

    /// The scheme, if the request says one.
    pub fn scheme(&self) -> Option<&'a str> {
        self.target.scheme()
    }

    /// Host, port and user information, if the request says any.
    pub fn authority(&self) -> Option<&'a str> {
        self.target.authority()
    }

    /// The URI. For reqwest it is made from a URL of another type, which costs more than
    /// [`authority`](Self::authority) does; none if that can't be done.
    pub fn uri(&self) -> Option<Cow<'a, Uri>> {
        self.target.to_uri().ok()
    }

    /// The headers; for gRPC, the metadata.
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The extensions.
    pub fn extensions(&self) -> &'a Extensions {
        self.extensions
    }
}

impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers and queries may hold secrets.
        f.debug_struct("RequestHead").finish_non_exhaustive()
    }
}
