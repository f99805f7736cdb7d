//! [`Spare`]: the inner service for a replay, which hardly ever happens.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The service that requests are replayed with, shared by all clones of a layered one.
///
/// A request can't borrow the service that sends it, and to clone one costs more than all the rest
/// where it is a client with settings and a pool: so one clone is kept for all, and cloned again for
/// a replay. What is small, such as a handle, is cloned for each request at once.
#[derive(Debug, Clone)]
pub(crate) struct Spares<S>(Arc<OnceLock<Mutex<S>>>);

/// From this size on, in bytes, a service is shared: a handle is a pointer or three.
const LARGE: usize = 64;

impl<S> Spares<S> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(OnceLock::new()))
    }
}

impl<S: Clone> Spares<S> {
    #[inline]
    pub(crate) fn of(&self, service: &S) -> Spare<S> {
        if size_of::<S>() < LARGE {
            return Spare::Own(service.clone());
        }
        self.0.get_or_init(|| Mutex::new(service.clone()));
        Spare::Shared(Arc::clone(&self.0))
    }
}

/// What one request holds.
pub(crate) enum Spare<S> {
    None,
    Own(S),
    Shared(Arc<OnceLock<Mutex<S>>>),
}

impl<S: Clone> Spare<S> {
    pub(crate) fn get(&mut self) -> Option<&mut S> {
        if let Self::Shared(shared) = self {
            let service = shared.get()?.lock().unwrap_or_else(PoisonError::into_inner);
            let own = service.clone();
            drop(service);
            *self = Self::Own(own);
        }
        match self {
            Self::Own(service) => Some(service),
            Self::None | Self::Shared(_) => None,
        }
    }
}
