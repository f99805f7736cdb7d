//! [`Own`]: the credential that a request has in place of the layer's.

use crate::Cached;

/// The credential that a request has in place of the layer's.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) cached: Cached,
    /// Whether it is one of the layer's own, found by the request's key.
    pub(super) is_keyed: bool,
}

impl Own {
    #[inline]
    pub(super) fn brought(cached: &Cached) -> Self {
        Self {
            cached: cached.clone(),
            is_keyed: false,
        }
    }

    #[inline]
    pub(super) fn keyed(cached: Cached) -> Self {
        Self {
            cached,
            is_keyed: true,
        }
    }
}
