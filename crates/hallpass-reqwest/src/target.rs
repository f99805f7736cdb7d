//! [`To`]: a URL as the door reads it.

use std::borrow::Cow;

use hallpass_core::{Error, adapter::Target};
use http::Uri;
use reqwest::Url;

/// Where a request goes, or an answer comes from.
pub(crate) struct To<'a>(pub(crate) &'a Url);

impl Target for To<'_> {
    #[inline]
    fn scheme(&self) -> Option<&str> {
        Some(self.0.scheme())
    }

    #[inline]
    fn authority(&self) -> Option<&str> {
        Some(self.0.authority()).filter(|authority| !authority.is_empty())
    }

    fn to_uri(&self) -> Result<Cow<'_, Uri>, Error> {
        let uri = self.0.as_str().parse().map_err(|_| {
            Error::destination("a URL that HTTP cannot express takes no credential")
        })?;
        Ok(Cow::Owned(uri))
    }
}
