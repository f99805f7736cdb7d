//! [`Known`]: what a process remembers of the credentials that it was given.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hallpass_core::{Credential, HeldKey};
use tokio::time::Instant;

use crate::Name;

/// How many credentials are remembered: the one in use, its predecessor, its replacement, and one
/// that another attempt brought.
const REMEMBERED: usize = 4;

/// Where a credential lies in the store, and the key that it is bound to, if it is to one.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) name: Name,
    pub(crate) key: Option<Arc<dyn HeldKey>>,
}

/// What a process remembers of the credentials that it was given.
#[derive(Debug, Default)]
pub(crate) struct Known {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    place: Option<Place>,
    /// The highest generation of an entry that opened. What is lower was superseded.
    highest: u64,
    given: VecDeque<Given>,
}

/// A credential that was given to the engine.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) credential: Credential,
    /// Its generation, or for one that was fetched without the store the time, which generations
    /// follow.
    pub(crate) stamp: u64,
    pub(crate) through_store: bool,
    pub(crate) end: Option<Instant>,
}

impl Known {
    /// A fetch for this place begins. What was known of another one is forgotten.
    pub(crate) fn begin(&self, place: &Place) {
        let mut state = self.lock();
        if state.place.as_ref().map(|known| known.name) != Some(place.name) {
            *state = State::default();
        }
        state.place = Some(place.clone());
    }

    pub(crate) fn place(&self) -> Option<Place> {
        self.lock().place.clone()
    }

    pub(crate) fn highest(&self) -> u64 {
        self.lock().highest
    }

    /// An entry of this generation opened.
    pub(crate) fn saw(&self, generation: u64) {
        let mut state = self.lock();
        state.highest = state.highest.max(generation);
    }

    pub(crate) fn give(&self, given: Given) {
        let mut state = self.lock();
        state
            .given
            .retain(|known| !known.credential.same_secret(&given.credential));
        state.given.push_front(given);
        state.given.truncate(REMEMBERED);
    }

    pub(crate) fn find(&self, credential: &Credential) -> Option<Given> {
        let state = self.lock();
        let found = state
            .given
            .iter()
            .find(|known| known.credential.same_secret(credential));
        found.cloned()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Given {
    pub(crate) fn new(
        credential: &Credential,
        stamp: u64,
        through_store: bool,
        left: Option<Duration>,
    ) -> Self {
        Self {
            credential: credential.clone(),
            stamp,
            through_store,
            end: left.and_then(|left| Instant::now().checked_add(left)),
        }
    }
}
