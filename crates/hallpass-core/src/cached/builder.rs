//! [`Builder`]: a [`Cached`] with another policy or clock.

use std::{
    fmt,
    sync::{
        Arc, LazyLock, Mutex, Once, OnceLock,
        atomic::{AtomicU64, AtomicUsize},
    },
};

use arc_swap::ArcSwapOption;

use tokio::runtime::Handle;

use super::{
    Cached, Policy, Shared, State,
    changes::Changes,
    state::{Machine, Traits},
    warm::Warmth,
};
use crate::{
    Challenges, Clock, CredentialSource, Description,
    clock::Clocks,
    observe::{self, Event, Observer, Watched},
    source::AnySource,
    stats::Counters,
};

/// A [`Cached`] with another [`Policy`] or [`Clock`].
///
/// ```
/// use std::time::Duration;
/// use hallpass_core::{Cached, Credential, Policy};
///
/// let policy = Policy::default().fetch_deadline(Duration::from_secs(5));
/// let key = Credential::bearer("a-static-token")?.never_expires();
/// let cached = Cached::builder(key).policy(policy).build();
/// # Ok::<(), hallpass_core::Error>(())
/// ```
pub struct Builder {
    source: Box<dyn AnySource>,
    description: Description,
    policy: Arc<Policy>,
    clock: Clocks,
    runtime: Option<Handle>,
    observer: Option<Arc<dyn Observer>>,
}

/// Shared by all that have no policy of their own.
static DEFAULT: LazyLock<Arc<Policy>> = LazyLock::new(Arc::default);

impl Builder {
    pub(super) fn new(source: impl CredentialSource) -> Self {
        Self {
            description: source.description(),
            source: Box::new(source),
            policy: Arc::clone(&DEFAULT),
            clock: Clocks::system(),
            runtime: None,
            observer: observe::observer(),
        }
    }

    /// Sets the engine's numbers. Where many credentials have the same, an `Arc` of them is shared.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<Arc<Policy>>) -> Self {
        self.policy = policy.into();
        self
    }

    /// Sets the clocks that expiry is judged by.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Clocks::Own(Arc::new(clock));
        self
    }

    /// Sets the runtime that fetches run on, whichever one a caller is in. Without this it is the
    /// caller's own, or for plain threads the one that was last seen.
    #[must_use]
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Sets who is told what becomes of this credential, in place of the
    /// [process's observer](observe::set_observer).
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Builds it. Nothing is fetched before the first use.
    pub fn build(self) -> Cached {
        let traits = Traits {
            fixed: self.description.fixed,
            kills_old: self.description.kills_old,
        };
        let cached = Cached {
            shared: Arc::new(Shared {
                source: self.source,
                description: self.description,
                clock: self.clock,
                slot: ArcSwapOption::empty(),
                state: Mutex::new(State {
                    machine: Machine::new(Arc::clone(&self.policy), traits),
                    pending: None,
                    challenges: Challenges::default(),
                    unannounced: Vec::new(),
                    // Where it is made, calls may follow from plain threads.
                    runtime: self.runtime.clone().or_else(|| Handle::try_current().ok()),
                }),
                changes: Changes::default(),
                waiting: AtomicUsize::new(0),
                fetch_limit: OnceLock::new(),
                answered_in: AtomicU64::new(0),
                named_runtime: self.runtime.is_some(),
                policy: self.policy,
                counters: Counters::default(),
                first_used: OnceLock::new(),
                warned: Once::new(),
                warm: Warmth::default(),
                observer: self.observer,
            }),
        };
        let shared = &cached.shared;
        if shared.observer.is_some() {
            let watched = Watched::new(Arc::downgrade(shared) as _);
            shared.tell(|| Event::Built { watched });
        }
        cached
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("source", &self.description.name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
