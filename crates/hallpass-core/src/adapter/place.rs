//! [`Place`]: which of the places that a credential may go to a request goes to.

use std::{
    hash::{BuildHasher, Hasher as _, RandomState},
    sync::OnceLock,
};

use crate::{Error, Origin, origin::Parts};

/// Which of our places a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// One of the allowed origins, by its position.
    Listed(u32),
    /// The origin of the credential's first use…
    Bound,
    /// …which this request may turn out to be.
    Unbound,
    /// The configured one for requests that name none.
    At { binds: bool },
    /// Any other, by its hash.
    Hashed(u32),
    /// Somewhere, where anywhere is allowed.
    Unknown,
}

impl Place {
    pub(super) fn listed(position: usize) -> Self {
        Self::Listed(position as u32)
    }

    pub(super) fn at(place: Self) -> Self {
        Self::At {
            binds: place == Self::Unbound,
        }
    }

    /// Whether the first request that carries a credential there binds it.
    #[inline]
    pub(super) fn binds(self) -> bool {
        matches!(self, Self::Unbound | Self::At { binds: true })
    }

    /// Only ever compared with another hash of this process.
    pub(super) fn hashed(parts: &Parts<'_>) -> Self {
        static STATE: OnceLock<RandomState> = OnceLock::new();
        let mut hasher = STATE.get_or_init(RandomState::new).build_hasher();
        parts.write_to(&mut hasher);
        Self::Hashed(hasher.finish() as u32)
    }
}

pub(super) fn bound_elsewhere(bound: &Origin, parts: &Parts<'_>) -> Error {
    Error::destination(format!(
        "this credential is bound to {bound}, where it was first used; configure the origins that it may go to, {} among them",
        parts.to_origin()
    ))
}
