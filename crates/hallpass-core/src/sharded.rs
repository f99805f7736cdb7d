//! [`Sharded`]: one value, held once for each group of threads that reads it.
//!
//! Cloning a reference-counted value writes to its count. When two cores do that with the same one,
//! its cache line travels between them for every request, which costs more than all the rest of the
//! path. Each group of threads therefore clones a copy of its own, made at its first use. The number
//! of groups bounds the memory.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Enough for contention to be rare on today's machines, few enough for a hundred thousand
/// credentials.
const GROUPS: usize = 8;

/// One value, held once for each group of threads that reads it.
///
/// For what is cloned with every request, such as a reference-counted pointer.
pub struct Sharded<T>([OnceLock<T>; GROUPS]);

impl<T> Sharded<T> {
    /// Without any copy yet.
    pub const fn new() -> Self {
        Self([const { OnceLock::new() }; GROUPS])
    }

    /// The copy of the group that this thread is in; it is made at its first use.
    #[inline]
    pub fn local(&self, copy: impl FnOnce() -> T) -> &T {
        self.0[group()].get_or_init(copy)
    }
}

/// The group of this thread.
#[inline]
pub(crate) fn group() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static GROUP: usize = THREADS.fetch_add(1, Ordering::Relaxed) % GROUPS;
    }
    GROUP.try_with(|group| *group).unwrap_or_default()
}

impl<T> Default for Sharded<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A clone starts without copies: whatever is cloned may be changed next.
impl<T> Clone for Sharded<T> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Sharded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sharded").finish_non_exhaustive()
    }
}
