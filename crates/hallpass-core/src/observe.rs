//! [`Observer`]: who is told what credentials do, for metrics.
//!
//! One observer for the process is set with [`set_observer`] before the first client is built; a
//! single [`Cached`](crate::Cached) may have another. The crates `hallpass-metrics` and
//! `hallpass-opentelemetry` are such observers, and [Observability](crate::docs::observability) names
//! all that there is to see.
//!
//! A request that the credential in hand serves tells nobody, observer or not: it costs the same.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};

use crate::{Error, Reason, Stats};

/// Is told what credentials do. It runs where that happens, and must be quick.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use hallpass_core::{Cached, Credential, observe::{Event, Observer}};
///
/// #[derive(Default)]
/// struct Failures(AtomicU64);
///
/// impl Observer for Failures {
///     fn observe(&self, _source: &str, event: &Event<'_>) {
///         if let Event::Fetched { error: Some(_), .. } = event {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let key = Credential::bearer("a-static-token")?.never_expires();
/// let cached = Cached::builder(key).observer(std::sync::Arc::new(Failures::default())).build();
/// # Ok::<(), hallpass_core::Error>(())
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Something has happened to a credential of the source with this
    /// [name](crate::Description::name).
    fn observe(&self, source: &str, event: &Event<'_>);
}

/// What has happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A [`Cached`](crate::Cached) was built, and has fetched nothing yet.
    #[non_exhaustive]
    Built {
        /// A look at it, for as long as it lives.
        watched: Watched,
    },
    /// A fetch has ended.
    #[non_exhaustive]
    Fetched {
        /// Why it had begun.
        reason: Reason,
        /// How long it took, its own retries included.
        duration: Duration,
        /// Why it has brought nothing, if so; see [`Error::error_type`].
        error: Option<&'a Error>,
    },
    /// A caller has waited for a fetch, with or without success, or gave up waiting.
    #[non_exhaustive]
    Waited {
        /// How long.
        duration: Duration,
    },
    /// A server has refused the credential, and another one is fetched.
    #[non_exhaustive]
    Rejected,
    /// A request is sent again.
    #[non_exhaustive]
    Replayed {
        /// Why.
        cause: ReplayCause,
    },
}

/// Why a request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReplayCause {
    /// Its credential was refused, and replaced by a new one.
    Renewed,
    /// Its credential was refused, and an earlier one still works.
    FellBack,
    /// The server wants another proof of possession, such as one with its nonce.
    ProvedAgain,
}

impl ReplayCause {
    /// A short name for labels: `renewed`, `fell_back` or `proved_again`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::FellBack => "fell_back",
            Self::ProvedAgain => "proved_again",
        }
    }
}

/// A look at a [`Cached`](crate::Cached) that does not keep it alive.
#[derive(Clone)]
pub struct Watched(Weak<dyn Watch>);

/// What can be looked at.
pub(crate) trait Watch: Send + Sync {
    /// What it has done so far, and what it holds.
    fn stats(&self) -> Stats;
}

impl Watched {
    pub(crate) fn new(watch: Weak<dyn Watch>) -> Self {
        Self(watch)
    }

    /// What it has done and holds; none once it is gone.
    pub fn stats(&self) -> Option<Stats> {
        Some(self.0.upgrade()?.stats())
    }

    fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watched").field(&!self.is_gone()).finish()
    }
}

/// The credentials that an observer was told of and that still live, for what can only be looked up:
/// how much of their life remains.
#[derive(Debug, Default)]
pub struct Roster(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    watched: Vec<(Arc<str>, Watched)>,
    /// Those that are gone are struck off when there are so many.
    sweep_at: usize,
}

impl Roster {
    /// Takes one up, after [`Event::Built`].
    pub fn add(&self, source: &str, watched: Watched) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.watched.len() >= entries.sweep_at {
            entries.watched.retain(|(_, watched)| !watched.is_gone());
            entries.sweep_at = (2 * entries.watched.len()).max(64);
        }
        entries.watched.push((source.into(), watched));
    }

    /// For each source, what is left of the credential that ends first. One that has ended already, or
    /// never does, or was not fetched yet does not count.
    pub fn remaining(&self) -> BTreeMap<Arc<str>, Duration> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let watched = entries.watched.clone();
        drop(entries);
        let mut remaining: BTreeMap<Arc<str>, Duration> = BTreeMap::new();
        for (source, watched) in watched {
            let Some(left) = watched.stats().and_then(|stats| stats.time_left) else {
                continue;
            };
            let least = remaining.entry(source).or_insert(left);
            *least = left.min(*least);
        }
        remaining
    }
}

static OBSERVER: OnceLock<Arc<dyn Observer>> = OnceLock::new();

/// Sets the observer of all credentials that are built from now on.
///
/// Says `false` if there is one already, which stays.
pub fn set_observer(observer: impl Observer) -> bool {
    OBSERVER.set(Arc::new(observer)).is_ok()
}

pub(crate) fn observer() -> Option<Arc<dyn Observer>> {
    OBSERVER.get().cloned()
}
