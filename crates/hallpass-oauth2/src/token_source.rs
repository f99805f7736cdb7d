//! [`TokenSource`]: asks a token endpoint, and tries again where that is right.

mod attempt;
mod identity;
mod unanswered;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch};
use tokio::{
    sync::RwLock,
    time::{Instant, sleep},
};

use self::attempt::{Again, Failure, attempt, too_late};
use crate::{
    Reissue,
    condition::rejected,
    dpop::DPOP,
    plan::{Plan, Settings, compile},
    rotation::Rotation,
    transport::DynTransport,
};

/// How long one try may take. Token endpoints answer within a second; ten leave room for a bad day
/// and let three tries fit in half a minute.
pub const ATTEMPT_DEADLINE: Duration = Duration::from_secs(10);

/// The pauses before the quick retries of one fetch. A kept-alive connection that the server has
/// closed is the usual cause, so the first comes soon.
pub const QUICK_RETRIES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(300)];

/// A token endpoint as a [`CredentialSource`]; built by a [`TokenRequest`](crate::TokenRequest).
/// Cheap to clone.
#[derive(Clone)]
pub struct TokenSource {
    plan: Arc<Plan>,
    transport: Arc<dyn DynTransport>,
    /// Before then no token is asked for.
    closed_until: Arc<Mutex<Option<Instant>>>,
    /// Held for reading by each fetch, so that a revocation can wait for those under way.
    under_way: Arc<RwLock<()>>,
}

impl TokenSource {
    pub(crate) fn new(
        settings: &Settings,
        transport: Arc<dyn DynTransport>,
    ) -> Result<Self, Error> {
        let under_way = settings.under_way.clone();
        Ok(Self {
            plan: Arc::new(compile(settings)?),
            transport,
            closed_until: Arc::default(),
            under_way,
        })
    }

    pub(crate) fn rotation(&self) -> Option<&Rotation> {
        self.plan.inputs.rotation()
    }

    /// Takes over what the source that this one replaces has learnt: its refresh token, its key and
    /// the servers' nonces, and until when the endpoint is closed.
    pub(crate) fn succeed(&mut self, before: &Self) {
        self.closed_until = before.closed_until.clone();
        self.under_way = before.under_way.clone();
        let Some(plan) = Arc::get_mut(&mut self.plan) else {
            return;
        };
        if let Some(rotation) = before.rotation() {
            plan.inputs.set_rotation(rotation.clone());
        }
        if let Some(dpop) = before.plan.inputs.dpop() {
            plan.inputs.set_dpop(dpop.clone());
        }
    }

    /// Some vendors refuse who asks too soon, or lock them out.
    fn check_interval(&self) -> Result<(), Error> {
        let until = *self.lock_interval();
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match left {
            Some(left) if !left.is_zero() => Err(Error::transient("asked too soon")
                .context(format!(
                    "{} issues one token in {} s",
                    self.plan.url.origin(),
                    self.plan.renewal.interval.as_secs()
                ))
                .after(left)),
            _ => Ok(()),
        }
    }

    fn begin_interval(&self, asked: Instant, credential: &Credential) {
        let wait = self.plan.renewal.closed_for(credential.lifetime());
        if !wait.is_zero() {
            *self.lock_interval() = asked.checked_add(wait);
        }
    }

    fn lock_interval(&self) -> MutexGuard<'_, Option<Instant>> {
        let locked = self.closed_until.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }

    /// The pause before another try, if there is to be one.
    fn pause(
        failure: &Failure,
        pauses: &mut impl Iterator<Item = Duration>,
        resent: &mut bool,
        rotates: bool,
    ) -> Option<Duration> {
        // A refresh token that may have been used up is sent once more, and no oftener.
        if rotates && failure.uncertain && std::mem::replace(resent, true) {
            return None;
        }
        match failure.again {
            Again::No => None,
            Again::Soon => pauses.next(),
            Again::AtOnce => pauses.next().map(|_| Duration::ZERO),
        }
    }
}

/// A fetch that brought nothing.
pub(crate) struct Failed {
    pub(crate) error: Error,
    /// Whether the endpoint took what it was sent for invalid: with a 401, or in so many words.
    pub(crate) unauthorized: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self {
            error,
            unauthorized: false,
        }
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self {
            error: failure.error,
            unauthorized: failure.unauthorized,
        }
    }
}

impl TokenSource {
    /// A fetch whose failure says more than its error does.
    pub(crate) async fn ask(&self, why: &Fetch) -> Result<Credential, Failed> {
        self.check_interval()?;
        let _under_way = self.under_way.read().await;
        let turn = match self.rotation() {
            Some(rotation) => Some(rotation.turn().await),
            None => None,
        };
        let plan = &self.plan;
        let mut inputs = plan.inputs.resolve(&plan.name).await?;
        let mut pauses = QUICK_RETRIES.into_iter();
        let mut reread = false;
        let mut resent = false;
        let mut proved = false;
        // A second attempt beside the first: that one may hang because of its connection.
        let mut fresh = why.attempt() > 1;
        let mut waited = Duration::ZERO;
        loop {
            let turn = turn.as_ref();
            let tried = attempt(plan, &self.transport, &inputs, turn, why, fresh).await;
            let mut failure = match tried {
                Ok((credential, asked)) => {
                    self.begin_interval(asked, &credential);
                    return Ok(credential);
                }
                Err(failure) => failure,
            };
            // Asked for more rather than refused: the same request with another proof, at once.
            if failure.wants_nonce && !std::mem::replace(&mut proved, true) {
                tracing::debug!(target: "hallpass", source = plan.name, "the token endpoint wants a nonce in the proof of possession");
                continue;
            }
            if failure.refused && !reread {
                reread = true;
                // A secret that was rotated meanwhile gets its chance at once.
                match plan.inputs.resolve(&plan.name).await {
                    Ok(now) if !now.same(&inputs) => {
                        inputs = now;
                        continue;
                    }
                    Ok(_) => {}
                    Err(_) => return Err(failure.into()),
                }
                // So does an assertion that is right by the server's clock.
                if let Some(skew) = failure.skew {
                    inputs.set_skew(skew);
                    continue;
                }
            }
            if let Some((limit, phase)) = failure.waited {
                waited += limit;
                failure.error = too_late(plan, waited, phase);
            }
            let rotates = turn.is_some();
            fresh |= failure.again == Again::AtOnce && failure.waited.is_none();
            let Some(pause) = Self::pause(&failure, &mut pauses, &mut resent, rotates) else {
                return Err(failure.into());
            };
            if Instant::now() + pause >= why.deadline() {
                return Err(failure.into());
            }
            tracing::debug!(
                target: "hallpass",
                source = plan.name,
                error = %failure.error,
                "token request failed, trying again at once"
            );
            sleep(pause).await;
        }
    }
}

impl CredentialSource for TokenSource {
    /// # Cancel safety
    /// A request with a refresh token is read to its end all the same; any other ends at once.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        self.ask(why).await.map_err(|failed| failed.error)
    }

    fn description(&self) -> Description {
        let plan = &self.plan;
        let mut description = Description::default();
        description.name.clone_from(&plan.name);
        description.header = plan.attach.header.clone();
        let beside = plan.attach.beside.iter();
        description.beside = beside.map(|(name, _)| name.clone()).collect();
        description.origins.clone_from(&plan.origins);
        description.endpoint = Some(plan.url.origin().clone());
        description.rejected = rejected(&plan.rejected);
        description.hedge = plan.hedge;
        description.kills_old = plan.renewal.reissue == Reissue::KillsOld;
        description.one_at_a_time = self.rotation().is_some();
        if let Some(dpop) = plan.inputs.dpop() {
            description.beside.push(DPOP);
            description.key_thumbprint = dpop.known_thumbprint();
            description.kept_key = dpop.kept(&plan.name);
        }
        description
    }

    fn version(&self) -> u64 {
        self.plan.inputs.version()
    }

    fn keeps_state(&self) -> bool {
        self.check_interval().is_err() || self.rotation().is_some_and(Rotation::is_unsaved)
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("name", &self.plan.name)
            .field("endpoint", &self.plan.url.place())
            .field("client_auth", &self.plan.request.auth)
            .finish_non_exhaustive()
    }
}
