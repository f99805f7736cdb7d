//! [`Keys`]: a [`Keyed`] behind a pointer, as the door for adapters sees it.

use std::any::type_name;

use super::{Key, Keyed, RequestHead};
use crate::{Cached, Error};

/// The same without its type parameter, which no adapter is to have.
pub(crate) trait Keys: Send + Sync {
    /// The credential of the request's key, if it has one.
    fn find(&self, request: &RequestHead<'_>) -> Result<Option<Cached>, Error>;

    /// Stands for all keys where none of them is meant.
    fn nobody(&self) -> &Cached;

    /// Whether requests without a key go without a credential.
    fn is_optional(&self) -> bool;

    /// Counts a request that is refused for its key, or for want of one.
    fn refused(&self);

    /// Why a request without a key is refused.
    fn missing(&self) -> Error;
}

impl<K: Key> Keys for Keyed<K> {
    #[inline]
    fn find(&self, request: &RequestHead<'_>) -> Result<Option<Cached>, Error> {
        let Some(by) = &self.by else {
            let key = request.extensions().get::<K>();
            return key.map(|key| self.get(key)).transpose();
        };
        by(request).map(|key| self.get(&key)).transpose()
    }

    fn nobody(&self) -> &Cached {
        &self.store.nobody
    }

    fn is_optional(&self) -> bool {
        self.optional
    }

    fn refused(&self) {
        self.store.counts.refused();
    }

    fn missing(&self) -> Error {
        let name = &self.store.nobody.description().name;
        Error::unknown_key(if self.by.is_some() {
            format!("{name} has a credential for each key, and found no key in the request")
        } else {
            format!(
                "{name} has a credential for each key, and the request has no {} among its extensions",
                type_name::<K>()
            )
        })
    }
}
