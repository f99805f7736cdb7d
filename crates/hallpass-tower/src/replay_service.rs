//! [`ReplayService`]: the inner service for a second sending, which hardly ever happens.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use hallpass_core::adapter::Sharded;

/// The services that requests are sent again with, shared by all clones of a layered one.
///
/// A request can't borrow the service that sends it, and to clone one may cost more than all the
/// rest: a client with settings and a pool, or a boxed stack. So one clone is made for each group of
/// threads, and cloned again only if a request is sent again.
#[doc(hidden)]
pub struct ReplayServices<S>(Arc<Sharded<ReplayService<S>>>);

/// What one request holds of them.
#[doc(hidden)]
pub struct ReplayService<S>(Arc<Mutex<S>>);

impl<S> ReplayServices<S> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Sharded::new()))
    }
}

impl<S: Clone> ReplayServices<S> {
    #[inline]
    pub(crate) fn of(&self, service: &S) -> ReplayService<S> {
        let new = || ReplayService(Arc::new(Mutex::new(service.clone())));
        ReplayService(Arc::clone(&self.0.local(new).0))
    }
}

impl<S: Clone> ReplayService<S> {
    /// One to poll ready and call.
    pub(crate) fn get(&self) -> S {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl<S> Clone for ReplayServices<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for ReplayServices<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayServices").finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for ReplayService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayService").finish_non_exhaustive()
    }
}
