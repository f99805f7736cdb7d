//! [`CredentialSource`]: where credentials come from. The one trait that users implement.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{HeaderMap, HeaderName, header::AUTHORIZATION};

use crate::{
    Challenges, Credential, Error, KeptKey, Moment, Origin,
    cached::{FAR, Pulse, Turn},
    clock::Clocks,
    verdict::Rejected,
};

/// Where credentials come from.
///
/// A source is asked only when a new credential is wanted. It keeps nothing and hurries nobody:
/// [`Cached`](crate::Cached) decides when to ask, sees to it that at most one call is under way,
/// ends it after a deadline, and shares what comes of it.
///
/// ```
/// use std::time::Duration;
/// use hallpass_core::{Credential, CredentialSource, Error, Fetch};
///
/// struct Vault;
///
/// impl CredentialSource for Vault {
///     async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
///         let token = read_lease().await.map_err(Error::transient)?;
///         Ok(Credential::bearer(&token)?.lives_for(Duration::from_secs(600)))
///     }
/// }
/// # async fn read_lease() -> Result<String, std::io::Error> { Ok("t".into()) }
/// ```
pub trait CredentialSource: Send + Sync + 'static {
    /// Gets a new credential.
    ///
    /// # Errors
    /// [`Error::transient`] for what may pass, [`Error::permanent`] for what stays until somebody
    /// changes something. The engine waits longer after the second kind.
    ///
    /// # Cancel safety
    /// The engine drops the future at its deadline and when its runtime shuts down, never because
    /// a caller went away. State must not be lost then: don't take a refresh token out before an
    /// `await`.
    fn fetch(&self, why: &Fetch) -> impl Future<Output = Result<Credential, Error>> + Send;

    /// What adapters should know before there is a credential; read once.
    fn description(&self) -> Description {
        Description::default()
    }

    /// A number that changes when what the source is configured with does, such as a secret.
    ///
    /// Asked whenever a fetch may start: a number other than the one before a permanent failure
    /// ends at once what is remembered of it.
    fn version(&self) -> u64 {
        0
    }

    /// Ends once somebody else has got a newer credential, which the next fetch will bring at little
    /// cost. A source that shares its credentials with other processes has such news.
    ///
    /// Only [`Cached::keep_warm`](crate::Cached::keep_warm) waits for it. Without that the newer one
    /// is taken over when the one in hand is due.
    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }

    /// Whether something would be lost with the source that nobody else has: a refresh token that
    /// was not saved, or how long an endpoint must not be asked again.
    ///
    /// A [`Keyed`](crate::Keyed) asks before it evicts a credential, and keeps it then. It asks under
    /// the lock of a table, for which the requests of other keys wait: the answer must come at once,
    /// and not ask that `Keyed` for anything. Sources that wrap others pass the question on.
    fn keeps_state(&self) -> bool {
        false
    }
}

impl<S: CredentialSource> CredentialSource for Arc<S> {
    fn fetch(&self, why: &Fetch) -> impl Future<Output = Result<Credential, Error>> + Send {
        S::fetch(self, why)
    }

    fn description(&self) -> Description {
        S::description(self)
    }

    fn version(&self) -> u64 {
        S::version(self)
    }

    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        S::news(self)
    }

    fn keeps_state(&self) -> bool {
        S::keeps_state(self)
    }
}

/// What adapters should know of a source before there is a credential.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a trait of its own, and none excludes another"
)]
pub struct Description {
    /// A short name for events and messages, such as a profile's.
    pub name: String,
    /// The header that its credentials go in; a request that has it already is left alone.
    pub header: HeaderName,
    /// The headers that [go along](Credential::with_header) with it, if they are known beforehand.
    pub beside: Vec<HeaderName>,
    /// The origins that its credentials are for, if it knows them.
    pub origins: Option<Vec<Origin>>,
    /// Where it asks for them, if it asks a server. Under a [`Keyed`](crate::Keyed), those that ask
    /// the same one take turns.
    pub endpoint: Option<Origin>,
    /// What else than the usual answers means that a credential no longer works.
    pub rejected: Rejected,
    /// Whether it has one credential for ever: a static key. A refusal of that is final.
    pub fixed: bool,
    /// Whether a new credential ends the one before, as with issuers that allow one live token.
    pub kills_old: bool,
    /// Whether two fetches at a time do harm, wherever they run: a refresh token that may be used only
    /// once. A source that is shared between processes then never fetches beside another's fetch.
    pub one_at_a_time: bool,
    /// Whether a second fetch beside a silent one does no harm, so that a hanging connection is not
    /// waited for. Not where fetches are counted, or each ends what the other brings.
    pub hedge: bool,
    /// The thumbprint of the key that its credentials are bound to (`jkt`, RFC 9449 §6), if it is
    /// known before one is fetched. Sources that are alike in everything else differ in it, and so
    /// do their credentials.
    pub key_thumbprint: Option<String>,
    /// That key, if it outlives this process, so that another one that has it can use the credentials
    /// too.
    pub kept_key: Option<Arc<dyn KeptKey>>,
}

impl Description {
    /// The names of all headers of its credentials, as far as they are known beforehand.
    pub(crate) fn header_names(&self) -> impl Iterator<Item = &HeaderName> {
        std::iter::once(&self.header).chain(&self.beside)
    }

    /// Whether a request has one of them.
    pub(crate) fn is_on(&self, headers: &HeaderMap) -> bool {
        self.header_names().any(|name| headers.contains_key(name))
    }
}

impl Default for Description {
    fn default() -> Self {
        Self {
            name: "credential".to_owned(),
            header: AUTHORIZATION,
            beside: Vec::new(),
            origins: None,
            endpoint: None,
            rejected: Rejected::default(),
            fixed: false,
            kills_old: false,
            one_at_a_time: false,
            hedge: false,
            key_thumbprint: None,
            kept_key: None,
        }
    }
}

/// Why a credential is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// There was none before.
    First,
    /// The present one still works, but its end comes near. Nobody waits.
    Ahead,
    /// The last one has ended.
    Expired,
    /// A server refused the last one; see [`Fetch::challenges`].
    Rejected,
}

impl Reason {
    /// A short name for labels: `first`, `ahead`, `expired` or `rejected`.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Ahead => "ahead",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
        }
    }
}

/// The circumstances of one fetch: why, after what, and until when.
pub struct Fetch {
    pub(crate) reason: Reason,
    pub(crate) challenges: Challenges,
    pub(crate) limit: Duration,
    pub(crate) deadline: tokio::time::Instant,
    pub(crate) sent: Sent,
    replaces: Option<Credential>,
    /// Whether the engine still waits for it; none for one that was made by hand.
    pulse: Option<Arc<Pulse>>,
    attempt: u32,
    /// Its place among the fetches that run at once, where their number is limited.
    turn: Option<Turn>,
}

/// The moment the request for a credential left; lifetimes count from it.
pub(crate) struct Sent {
    pub(crate) clock: Clocks,
    pub(crate) at: Mutex<Moment>,
}

impl Fetch {
    /// A first fetch with half a minute to go, to call a source by hand, as in its tests.
    pub fn first() -> Self {
        Self::new(
            Reason::First,
            Challenges::default(),
            crate::cached::FETCH_DEADLINE,
            Clocks::system(),
        )
    }

    pub(crate) fn new(
        reason: Reason,
        challenges: Challenges,
        limit: Duration,
        clock: Clocks,
    ) -> Self {
        let now = clock.now();
        let start = tokio::time::Instant::now();
        Self {
            reason,
            challenges,
            limit,
            deadline: start.checked_add(limit).unwrap_or_else(|| start + FAR),
            sent: Sent {
                clock,
                at: Mutex::new(now),
            },
            replaces: None,
            pulse: None,
            attempt: 1,
            turn: None,
        }
    }

    /// The same in place of this credential, to call a source by hand: because a server refused it,
    /// or ahead of its end.
    #[must_use]
    pub fn replacing(mut self, credential: Credential, refused: bool) -> Self {
        self.reason = if refused {
            Reason::Rejected
        } else {
            Reason::Ahead
        };
        self.replaces = Some(credential);
        self
    }

    pub(crate) fn in_place_of(mut self, credential: Option<Credential>) -> Self {
        self.replaces = credential;
        self
    }

    /// An attempt that begins late ends no later than the fetch that it is part of.
    pub(crate) fn until(mut self, deadline: Option<tokio::time::Instant>) -> Self {
        self.deadline = deadline.unwrap_or(self.deadline).min(self.deadline);
        self
    }

    pub(crate) fn watched(mut self, pulse: Arc<Pulse>, attempt: u32) -> Self {
        self.pulse = Some(pulse);
        self.attempt = attempt;
        self
    }

    pub(crate) fn in_turn(mut self, turn: Option<Turn>) -> Self {
        self.turn = turn;
        self
    }

    /// Gives up this fetch's place among those that [run at once](crate::keyed::Builder::fetches_at_once),
    /// for as long as it waits for something else than the endpoint: another process's fetch, say.
    /// Whoever queues for a place gets on meanwhile.
    pub fn give_up_turn(&self) {
        if let Some(turn) = &self.turn {
            turn.give_up();
        }
    }

    /// Waits for a place again, before the endpoint is asked. It is there at once if none was given
    /// up.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the place in the queue.
    pub async fn take_turn(&self) {
        if let Some(turn) = &self.turn {
            turn.take().await;
        }
    }

    /// Why the credential is wanted.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The challenges that came with the rejection; empty otherwise.
    pub fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    /// The credential that the new one is to replace: the one that was refused, or the one in hand;
    /// none if there is none.
    pub fn replaces(&self) -> Option<&Credential> {
        self.replaces.as_ref()
    }

    /// When the engine gives up on this fetch and drops it.
    pub fn deadline(&self) -> tokio::time::Instant {
        self.deadline
    }

    /// How long the whole fetch may take.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Marks the moment at which the request for the credential leaves.
    ///
    /// Lifetimes count from the last call, or from the start of the fetch if there was none. A
    /// source that tries more than once calls it before each try.
    ///
    /// # Errors
    /// If the engine has given this fetch up meanwhile, because its runtime stood still: another
    /// one is under way, and sending this one's request as well could only do harm.
    pub fn sending(&self) -> Result<(), Error> {
        if self.pulse.as_ref().is_some_and(|pulse| pulse.is_given_up()) {
            return Err(Error::interrupted("another fetch took this one's place"));
        }
        let now = self.sent.clock.now();
        *self.sent.lock() = now;
        Ok(())
    }

    /// Which of two attempts side by side this is: 2 started because 1 was silent, and should not
    /// use the same connection.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The scope that the refusing server asked for (RFC 6750 §3), if it named one.
    pub fn demanded_scope(&self) -> Option<&str> {
        self.demanded("scope")
    }

    /// The claims that the refusing server asked for, as it encoded them.
    pub fn demanded_claims(&self) -> Option<&str> {
        self.demanded("claims")
    }

    fn demanded(&self, name: &str) -> Option<&str> {
        self.challenges.iter().find_map(|one| one.param(name))
    }

    pub(crate) fn sent_at(&self) -> Moment {
        *self.sent.lock()
    }
}

impl Sent {
    fn lock(&self) -> MutexGuard<'_, Moment> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch")
            .field("reason", &self.reason)
            .field("challenges", &self.challenges)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// [`CredentialSource`] behind a pointer, for what holds sources of any kind: `Arc<dyn AnySource>`.
/// Every source is one.
pub trait AnySource: Send + Sync + 'static {
    /// See [`CredentialSource::fetch`].
    fn fetch<'a>(
        &'a self,
        why: &'a Fetch,
    ) -> Pin<Box<dyn Future<Output = Result<Credential, Error>> + Send + 'a>>;

    /// See [`CredentialSource::description`].
    fn description(&self) -> Description;

    /// See [`CredentialSource::version`].
    fn version(&self) -> u64;

    /// See [`CredentialSource::news`].
    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// See [`CredentialSource::keeps_state`].
    fn keeps_state(&self) -> bool;
}

impl<S: CredentialSource> AnySource for S {
    fn fetch<'a>(
        &'a self,
        why: &'a Fetch,
    ) -> Pin<Box<dyn Future<Output = Result<Credential, Error>> + Send + 'a>> {
        Box::pin(CredentialSource::fetch(self, why))
    }

    fn description(&self) -> Description {
        CredentialSource::description(self)
    }

    fn version(&self) -> u64 {
        CredentialSource::version(self)
    }

    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        CredentialSource::news(self)
    }

    fn keeps_state(&self) -> bool {
        CredentialSource::keeps_state(self)
    }
}
