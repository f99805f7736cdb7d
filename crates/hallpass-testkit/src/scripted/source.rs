//! [`ScriptedSource`]: a credential source that does what a test says.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallpass_core::{Challenges, Credential, CredentialSource, Error, Fetch, Reason};

use crate::client::Client;
use crate::hold::Hold;
use crate::lock::lock;
use crate::minting::{Minting, Reissue};
use crate::script::Script;
use crate::store::Store;
use crate::traffic::Traffic;

/// A [`CredentialSource`] with a script, which counts; clones share everything.
///
/// It issues `token-1`, `token-2` and so on. What is queued (`…_next`) comes first, one step a
/// fetch, then an outage ([`down`](Self::down)) while there is one. A
/// [`ScriptedApi`](crate::ScriptedApi) made for it knows which of its tokens live.
///
/// ```
/// use std::time::Duration;
/// use hallpass_core::{Cached, Error};
/// use hallpass_testkit::ScriptedSource;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let source = ScriptedSource::tokens(Duration::from_secs(300));
/// source.fail_next(1, Error::permanent("invalid_client")).panic_next(1);
/// let cached = Cached::new(source.clone());
/// assert!(cached.get().await.is_err_and(|error| error.is_permanent()));
/// assert_eq!((source.fetches(), source.max_in_flight()), (1, 1));
/// # }
/// ```
#[derive(Clone)]
pub struct ScriptedSource(Arc<Inner>);

struct Inner {
    store: Arc<Mutex<Store>>,
    script: Mutex<Script<Step>>,
    traffic: Traffic,
    version: AtomicU64,
    asked: Mutex<Vec<(Reason, Challenges)>>,
}

#[derive(Clone)]
enum Step {
    Answer(Result<Credential, Error>),
    Hang,
    Panic,
}

impl ScriptedSource {
    /// A source of tokens with this lifetime, a new one for each fetch.
    pub fn tokens(lifetime: Duration) -> Self {
        let store = Store::new(Minting::numbered(lifetime));
        Self(Arc::new(Inner {
            store: Arc::new(Mutex::new(store)),
            script: Mutex::default(),
            traffic: Traffic::new(),
            version: AtomicU64::new(0),
            asked: Mutex::default(),
        }))
    }

    /// A source that fails from the start, as if [`down`](Self::down).
    pub fn failing(error: Error) -> Self {
        let source = Self::tokens(Duration::from_secs(3600));
        source.down(error);
        source
    }

    fn queue(&self, n: usize, step: &Step) -> &Self {
        lock(&self.0.script).queue(n, step);
        self
    }

    /// Answers the next `n` fetches with this credential, which no
    /// [`ScriptedApi`](crate::ScriptedApi) knows.
    pub fn answer_next(&self, n: usize, credential: Credential) -> &Self {
        self.queue(n, &Step::Answer(Ok(credential)))
    }

    /// Fails the next `n` fetches: [`Error::transient`], [`Error::permanent`], and
    /// [`Error::after`] for a `Retry-After`.
    pub fn fail_next(&self, n: usize, error: Error) -> &Self {
        self.queue(n, &Step::Answer(Err(error)))
    }

    /// Never answers the next `n` fetches; [`hold`](Self::hold) can be released.
    pub fn hang_next(&self, n: usize) -> &Self {
        self.queue(n, &Step::Hang)
    }

    /// Panics in the next `n` fetches.
    pub fn panic_next(&self, n: usize) -> &Self {
        self.queue(n, &Step::Panic)
    }

    /// Fails every fetch that nothing is queued for, until [`up`](Self::up).
    pub fn down(&self, error: Error) -> &Self {
        lock(&self.0.script).stand(Some(Step::Answer(Err(error))));
        self
    }

    /// Leaves every fetch that nothing is queued for without an answer, until [`up`](Self::up).
    pub fn hang(&self) -> &Self {
        lock(&self.0.script).stand(Some(Step::Hang));
        self
    }

    /// Ends what [`down`](Self::down) or [`hang`](Self::hang) began. Fetches that hang go on hanging.
    pub fn up(&self) -> &Self {
        lock(&self.0.script).stand(None);
        self
    }

    /// How long each fetch takes from now on, by tokio's clock.
    pub fn latency(&self, latency: Duration) -> &Self {
        self.0.traffic.set_latency(latency);
        self
    }

    /// Keeps fetches from ending until the returned guard is dropped.
    pub fn hold(&self) -> Hold {
        self.0.traffic.gate.hold()
    }

    /// The lifetime of tokens issued from now on.
    pub fn set_lifetime(&self, lifetime: Duration) -> &Self {
        lock(&self.0.store).minting.lifetime = lifetime;
        self
    }

    /// What is issued from now on while the last token lives, such as the same one again.
    pub fn set_reissue(&self, reissue: Reissue) -> &Self {
        lock(&self.0.store).minting.reissue = reissue;
        self
    }

    /// The [version](CredentialSource::version) from now on, as when a secret was changed.
    pub fn set_version(&self, version: u64) -> &Self {
        self.0.version.store(version, Ordering::SeqCst);
        self
    }

    /// Withdraws every token issued so far.
    pub fn revoke_all(&self) -> &Self {
        lock(&self.0.store).revoke_all();
        self
    }

    /// Withdraws one token; says whether it was known.
    pub fn revoke(&self, token: &str) -> bool {
        lock(&self.0.store).revoke(token)
    }

    /// How many fetches there were.
    pub fn fetches(&self) -> usize {
        self.0.traffic.calls()
    }

    /// How many fetches are under way.
    pub fn in_flight(&self) -> usize {
        self.0.traffic.in_flight()
    }

    /// How many fetches were ever under way at once.
    pub fn max_in_flight(&self) -> usize {
        self.0.traffic.max_in_flight()
    }

    /// How many fetches were dropped, or panicked, before they had an outcome.
    pub fn dropped(&self) -> usize {
        self.0.traffic.dropped()
    }

    /// How many different tokens have been issued.
    pub fn tokens_issued(&self) -> u64 {
        lock(&self.0.store).issued()
    }

    /// Why each fetch was made, in order.
    pub fn reasons(&self) -> Vec<Reason> {
        let asked = lock(&self.0.asked);
        asked.iter().map(|(reason, _)| *reason).collect()
    }

    /// The challenges that the last fetch was told; none before the first.
    pub fn challenges(&self) -> Challenges {
        let asked = lock(&self.0.asked);
        asked
            .last()
            .map(|(_, told)| told.clone())
            .unwrap_or_default()
    }

    /// What an API checks its tokens against.
    pub(super) fn store(&self) -> Arc<Mutex<Store>> {
        Arc::clone(&self.0.store)
    }

    fn issue(&self) -> Result<Credential, Error> {
        let client = Client::new("scripted", "", None);
        let issued = lock(&self.0.store).issue("scripted", &client, None, None);
        Ok(Credential::bearer(&issued.token)?.lives_for(issued.left))
    }
}

impl CredentialSource for ScriptedSource {
    /// # Panics
    ///
    /// If the script says so.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        let call = self.0.traffic.enter();
        lock(&self.0.asked).push((why.reason(), why.challenges().clone()));
        let step = lock(&self.0.script).take();
        call.wait().await;
        let outcome = match step {
            None => self.issue(),
            Some(Step::Answer(answer)) => answer,
            Some(Step::Hang) => std::future::pending().await,
            Some(Step::Panic) => panic!("the script of the source says so"),
        };
        call.answered();
        outcome
    }

    fn version(&self) -> u64 {
        self.0.version.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for ScriptedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedSource")
            .field("queued", &lock(&self.0.script).queued())
            .field("fetches", &self.fetches())
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}
