//! [`Settings`]: what a builder gathers.

use std::{sync::Arc, time::Duration};

use tokio::sync::RwLock;

use super::inputs::GrantInputs;
use crate::{Dpop, Profile, Secret, assertion::ClientAssertion, rotation::Told};

/// The description of an endpoint, who asks it, and with what.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) profile: Profile,
    pub(crate) id: Option<Secret>,
    pub(crate) secret: Option<Secret>,
    /// What signs the assertion that the client authenticates with.
    pub(crate) assertion: ClientAssertion,
    pub(crate) grant: GrantInputs,
    /// What the profile's `dpop` is done with; none for a key in memory.
    pub(crate) dpop: Option<Dpop>,
    /// The certificate that tokens are bound to, as a PEM text.
    pub(crate) certificate: Option<Secret>,
    /// Is told each new refresh token.
    pub(crate) told: Option<Arc<Told>>,
    pub(crate) allow_http: bool,
    pub(crate) attempt_deadline: Duration,
    /// Held for reading by each fetch: a revocation waits for those under way, as what they bring
    /// would outlive it.
    pub(crate) under_way: Arc<RwLock<()>>,
}
