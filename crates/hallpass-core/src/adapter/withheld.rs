//! [`Withheld`]: why a request goes without the credential, and the trace that this leaves.

use std::{
    collections::HashSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use http::{HeaderMap, HeaderValue};

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
    warned: AtomicBool,
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

    /// Warns once of a client that never uses the credential that it was given, because each of its
    /// requests has the header already: at the first one whose header has nothing in it, as those of
    /// an SDK without a key, or when several have been like that.
    pub(super) fn own_header(&self, cached: &Cached, headers: &HeaderMap) {
        let description = cached.description();
        let empty = headers.get(&description.header).is_some_and(is_empty);
        if !empty {
            let count = self.own.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            if count < ALWAYS || self.attached.load(Ordering::Relaxed) {
                return;
            }
        }
        if self.warned.swap(true, Ordering::Relaxed) {
            return;
        }
        let source = &description.name;
        let header = &description.header;
        if empty {
            tracing::warn!(
                target: "hallpass",
                %source,
                %header,
                "a request has this header already, with no credential in it, and goes without ours: take it out of the client's defaults, or say override_existing()"
            );
        } else {
            tracing::warn!(
                target: "hallpass",
                %source,
                %header,
                "every request so far has this header already and goes without the credential: take it out of the client's defaults, or say override_existing()"
            );
        }
    }
}

/// Whether there is nothing in a header but, at most, the name of a scheme, as in `Bearer `.
fn is_empty(value: &HeaderValue) -> bool {
    let value = value.as_bytes().trim_ascii();
    value.is_empty()
        || value.eq_ignore_ascii_case(b"bearer")
        || value.eq_ignore_ascii_case(b"basic")
}
