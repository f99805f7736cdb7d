//! Locking that outlives a panicking test.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Every section under these locks is a plain assignment, so a poisoned value is still whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
