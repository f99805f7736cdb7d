//! [`FetchLimits`]: one limit for each endpoint.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use crate::{Origin, fetch::FetchLimit};

/// Finds the limit of an endpoint. Those that say none share one.
pub(super) struct FetchLimits {
    at_once: usize,
    endpoints: Mutex<Endpoints>,
}

#[derive(Default)]
struct Endpoints {
    limits: HashMap<Option<Origin>, Weak<FetchLimit>>,
    /// At this number, those that nobody uses any more are swept out.
    sweep_at: usize,
}

/// Not swept below.
const FEW: usize = 64;

impl FetchLimits {
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            at_once,
            endpoints: Mutex::default(),
        }
    }

    pub(super) fn of(&self, endpoint: Option<&Origin>) -> Arc<FetchLimit> {
        let mut endpoints = self.lock();
        let known = endpoints.limits.get(&endpoint.cloned());
        if let Some(limit) = known.and_then(Weak::upgrade) {
            return limit;
        }
        if endpoints.limits.len() >= endpoints.sweep_at {
            endpoints.limits.retain(|_, limit| limit.strong_count() > 0);
            endpoints.sweep_at = FEW.max(endpoints.limits.len() * 2);
        }
        let limit = Arc::new(FetchLimit::new(self.at_once));
        let weak = Arc::downgrade(&limit);
        endpoints.limits.insert(endpoint.cloned(), weak);
        limit
    }

    /// How many fetches run, and how many wait for their turn.
    pub(super) fn counts(&self) -> (usize, usize) {
        let endpoints = self.lock();
        let limits = endpoints.limits.values().filter_map(Weak::upgrade);
        limits.fold((0, 0), |(running, waiting), limit| {
            let counts = limit.counts();
            (running + counts.0, waiting + counts.1)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Endpoints> {
        let locked = self.endpoints.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }
}
