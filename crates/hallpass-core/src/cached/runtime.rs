//! Which runtime a fetch runs on.

use super::Shared;
use crate::sync::Handle;

impl Shared {
    /// The runtime that the caller is in, or else the one that was named, or last seen: plain
    /// threads have none of their own.
    pub(super) fn runtime(&self) -> Option<Handle> {
        let Ok(current) = Handle::try_current() else {
            return self.lock().runtime.clone();
        };
        if self.named_runtime {
            return self.lock().runtime.clone();
        }
        let mut state = self.lock();
        let seen = state
            .runtime
            .as_ref()
            .is_some_and(|seen| seen.id() == current.id());
        let old = if seen {
            None
        } else {
            state.runtime.replace(current.clone())
        };
        drop(state);
        drop(old);
        Some(current)
    }
}
