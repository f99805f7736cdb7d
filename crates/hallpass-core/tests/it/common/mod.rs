//! A source that does what a test tells it, and clocks that a test sets.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses a part of this"
)]

pub mod proofs;
pub mod protocol;
pub mod tenants;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use hallpass_core::{
    Cached, Challenges, Clock, Credential, CredentialSource, Error, Fetch, Moment, Policy, Reason,
};
use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};
use tokio::time::Instant;

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3600);

pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The `n`th token of a test, good for this long.
pub fn token(n: u64, lifetime: Duration) -> Credential {
    bare(n).lives_for(lifetime)
}

pub fn bare(n: u64) -> Credential {
    Credential::bearer(&format!("token-{n}")).unwrap()
}

pub fn secret(credential: &Credential) -> &str {
    credential.header_value().to_str().unwrap()
}

pub fn flaky() -> Error {
    Error::transient("connection reset").context("asking the issuer")
}

pub fn refused() -> Error {
    Error::permanent("invalid_client").context("asking the issuer")
}

pub fn challenges(text: &'static str) -> Challenges {
    let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, HeaderValue::from_static(text))]);
    Challenges::of(&headers)
}

type Answer = dyn Fn(u64, &Fetch) -> Result<Credential, Error> + Send + Sync;

/// A source with programmable answers and delays, which counts. Clones share everything.
#[derive(Clone)]
pub struct Source(Arc<Inner>);

struct Inner {
    answer: Mutex<Arc<Answer>>,
    delay: Mutex<Duration>,
    fetches: AtomicU64,
    under_way: AtomicU64,
    most_at_once: AtomicU64,
    dropped: AtomicU64,
    version: AtomicU64,
    seen: Mutex<Vec<(Reason, Challenges)>>,
}

impl Source {
    /// The answer is told the fetch's number, from 1.
    pub fn new(
        answer: impl Fn(u64, &Fetch) -> Result<Credential, Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            answer: Mutex::new(Arc::new(answer)),
            delay: Mutex::new(Duration::ZERO),
            fetches: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
            most_at_once: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            version: AtomicU64::new(0),
            seen: Mutex::default(),
        }))
    }

    /// A new token each time, all good for this long.
    pub fn tokens(lifetime: Duration) -> Self {
        Self::new(move |n, _| Ok(token(n, lifetime)))
    }

    /// The same answer each time.
    pub fn always(answer: Result<Credential, Error>) -> Self {
        Self::new(move |_, _| answer.clone())
    }

    pub fn taking(self, delay: Duration) -> Self {
        self.take(delay);
        self
    }

    pub fn take(&self, delay: Duration) {
        *self.0.delay.lock().unwrap() = delay;
    }

    pub fn answer(
        &self,
        answer: impl Fn(u64, &Fetch) -> Result<Credential, Error> + Send + Sync + 'static,
    ) {
        *self.0.answer.lock().unwrap() = Arc::new(answer);
    }

    pub fn set_version(&self, version: u64) {
        self.0.version.store(version, SeqCst);
    }

    /// How often it was called.
    pub fn fetches(&self) -> u64 {
        self.0.fetches.load(SeqCst)
    }

    /// How many calls were dropped before they answered.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(SeqCst)
    }

    pub fn most_at_once(&self) -> u64 {
        self.0.most_at_once.load(SeqCst)
    }

    pub fn reasons(&self) -> Vec<Reason> {
        let seen = self.0.seen.lock().unwrap();
        seen.iter().map(|(reason, _)| *reason).collect()
    }

    /// The challenges that the last fetch was told.
    pub fn told(&self) -> Challenges {
        let seen = self.0.seen.lock().unwrap();
        seen.last().unwrap().1.clone()
    }
}

impl CredentialSource for Source {
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        let inner = &*self.0;
        let n = inner.fetches.fetch_add(1, SeqCst) + 1;
        let seen = (why.reason(), why.challenges().clone());
        inner.seen.lock().unwrap().push(seen);
        let mut running = Running::start(inner);
        let delay = *inner.delay.lock().unwrap();
        if delay > Duration::ZERO {
            tokio::time::sleep(delay).await;
        }
        let answer = Arc::clone(&inner.answer.lock().unwrap());
        running.done = true;
        answer(n, why)
    }

    fn version(&self) -> u64 {
        self.0.version.load(SeqCst)
    }
}

struct Running<'a> {
    inner: &'a Inner,
    done: bool,
}

impl<'a> Running<'a> {
    fn start(inner: &'a Inner) -> Self {
        let now = inner.under_way.fetch_add(1, SeqCst) + 1;
        inner.most_at_once.fetch_max(now, SeqCst);
        Self { inner, done: false }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.inner.under_way.fetch_sub(1, SeqCst);
        if !self.done {
            self.inner.dropped.fetch_add(1, SeqCst);
        }
    }
}

/// Both clocks run with tokio's; each can also be moved by hand.
#[derive(Clone)]
pub struct Hands {
    start: Instant,
    moved: Arc<Mutex<Moment>>,
}

impl Hands {
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            moved: Arc::new(Mutex::new(Moment {
                monotonic: secs(1000),
                wall: secs(1_800_000_000),
            })),
        }
    }

    /// Both go on.
    pub fn pass(&self, time: Duration) {
        let mut moved = self.moved.lock().unwrap();
        *moved = moved.plus(time);
    }

    /// A machine that sleeps: the monotonic clock stands still.
    pub fn suspend(&self, time: Duration) {
        self.moved.lock().unwrap().wall += time;
    }

    pub fn set_wall_back(&self, time: Duration) {
        self.moved.lock().unwrap().wall -= time;
    }
}

impl Clock for Hands {
    fn now(&self) -> Moment {
        self.moved.lock().unwrap().plus(self.start.elapsed())
    }
}

/// A `Cached` by clocks that the test moves.
pub fn cached(source: &Source) -> (Cached, Hands) {
    with_policy(source, Policy::default())
}

pub fn with_policy(source: &Source, policy: Policy) -> (Cached, Hands) {
    let hands = Hands::new();
    let builder = Cached::builder(source.clone()).policy(policy);
    (builder.clock(hands.clone()).build(), hands)
}

/// Lets tasks run that are ready, without time going on.
pub async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}
