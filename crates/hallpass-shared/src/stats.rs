//! [`SharedStats`]: what sharing did.

use std::sync::atomic::{AtomicU64, Ordering};

/// Declares each counter once.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What sharing did so far, for one credential or for all of a store.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct SharedStats {
            $($(#[$doc])* pub $name: u64,)*
        }

        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)*
        }

        impl Counters {
            pub(crate) fn read(&self) -> SharedStats {
                SharedStats { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Credentials taken over from another process.
    taken_over,
    /// Fetches with the lease, on behalf of the fleet.
    leased,
    /// Fetches without the store, for this process alone.
    direct,
    /// Times that another process's fetch was waited for.
    waits,
    /// Entries that did not open: edited, moved, or under an unknown key.
    damaged,
    /// Entries older than one that was seen before.
    replayed,
    /// Credentials that could not be published, or that can't leave the process.
    unpublished,
    /// Credentials that came too late: another process's newer one stands, and is used.
    superseded,
    /// Operations of the store that failed or were too slow.
    store_failures,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
