//! [`Withheld`]: why a request goes without the credential, and the trace that this leaves.

use std::{
    collections::HashSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use crate::{Cached, adapter::Target};

/// Why a request goes without the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Withheld {
    /// It has a header of the caller's own, which stays.
    OwnHeader,
    /// It was told to, by [`NoCredential`](crate::NoCredential) or [`Choices`](crate::Choices).
    OptedOut,
    /// It has no key, and its [`Keyed`](crate::Keyed) lets such requests pass.
    NoKey,
    /// It goes to another origin than those that the credential is for.
    Elsewhere,
}

/// More origins than this are not told apart: a log that nobody reads helps nobody.
const ORIGINS: usize = 100;

/// So many requests in a row with a header of their own are no accident of one call.
const ALWAYS: u32 = 3;

/// What has been said already about requests without the credential.
#[derive(Debug, Default)]
pub(super) struct Trace {
    said: Mutex<HashSet<(String, Withheld)>>,
    attached: AtomicBool,
    own: AtomicU32,
}

impl Trace {
    /// Notes that a request got the credential. A load, and once a store.
    #[inline]
    pub(super) fn attached(&self) {
        if !self.attached.load(Ordering::Relaxed) {
            self.attached.store(true, Ordering::Relaxed);
        }
    }

    /// Counts a request without the credential, and says so once for each origin and reason.
    pub(super) fn withheld<T: Target + ?Sized>(
        &self,
        cached: &Cached,
        reason: Withheld,
        target: &T,
    ) {
        cached.counters().withheld.add();
        if reason == Withheld::OwnHeader {
            self.own_header(cached);
        }
        if tracing::enabled!(target: "hallpass", tracing::Level::DEBUG) {
            self.say(cached, reason, target);
        }
    }

    fn say<T: Target + ?Sized>(&self, cached: &Cached, reason: Withheld, target: &T) {
        // Without user information, which may be a secret.
        let authority = target.authority().unwrap_or("no authority");
        let host = authority.rsplit('@').next().unwrap_or_default();
        let origin = match target.scheme() {
            Some(scheme) => format!("{scheme}://{host}"),
            None => host.to_owned(),
        };
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() >= ORIGINS || !said.insert((origin.clone(), reason)) {
            return;
        }
        drop(said);
        tracing::debug!(target: "hallpass", source = %cached.description().name, %origin, ?reason, "withheld");
    }

    /// A client whose every request has the header never uses the credential that it was given.
    fn own_header(&self, cached: &Cached) {
        if self.attached.load(Ordering::Relaxed) {
            return;
        }
        if self.own.fetch_add(1, Ordering::Relaxed) + 1 == ALWAYS {
            let description = cached.description();
            tracing::warn!(
                target: "hallpass",
                source = %description.name,
                header = %description.header,
                "every request so far has this header already and goes without the credential: take it out of the client's defaults, or say override_existing()"
            );
        }
    }
}
