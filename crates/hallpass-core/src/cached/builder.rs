//! [`Builder`]: a [`Cached`] with another policy or clock.

use std::{
    fmt,
    sync::{Arc, Mutex, Once, OnceLock},
};

use arc_swap::ArcSwapOption;

use super::{Cached, Counters, Policy, Shared, State, state::Machine};
use crate::{Challenges, Clock, CredentialSource, Description, clock::Clocks, source::DynSource};

/// A [`Cached`] with another [`Policy`] or [`Clock`].
///
/// ```
/// use std::time::Duration;
/// use hallpass_core::{Cached, Credential, Policy};
///
/// let mut policy = Policy::default();
/// policy.fetch_deadline = Duration::from_secs(5);
/// let key = Credential::bearer("a-static-token")?.never_expires();
/// let cached = Cached::builder(key).policy(policy).build();
/// # Ok::<(), hallpass_core::Error>(())
/// ```
pub struct Builder {
    source: Box<dyn DynSource>,
    description: Description,
    policy: Policy,
    clock: Clocks,
}

impl Builder {
    pub(super) fn new(source: impl CredentialSource) -> Self {
        Self {
            description: source.description(),
            source: Box::new(source),
            policy: Policy::default(),
            clock: Clocks::system(),
        }
    }

    /// Sets the engine's numbers.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the clocks that expiry is judged by.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Clocks::Own(Arc::new(clock));
        self
    }

    /// Builds it. Nothing is fetched before the first use.
    pub fn build(self) -> Cached {
        Cached {
            shared: Arc::new(Shared {
                source: self.source,
                description: self.description,
                clock: self.clock,
                slot: ArcSwapOption::empty(),
                state: Mutex::new(State {
                    machine: Machine::new(self.policy.clone()),
                    flight: None,
                    challenges: Challenges::default(),
                }),
                policy: self.policy,
                counters: Counters::default(),
                first_used: OnceLock::new(),
                warned: Once::new(),
            }),
        }
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
