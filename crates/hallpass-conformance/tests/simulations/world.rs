//! [`World`]: an issuer, an API, and callers that never tire, in paused time.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::Cached;
use hallpass_testkit::{ManualClock, ScriptedApi, ScriptedSource};
use hallpass_tower::{BearerLayer, BearerService};
use http::Request;
use http_body_util::Empty;
use tokio::time::{Instant, MissedTickBehavior};
use tower::{Layer as _, ServiceExt as _};

/// Every fetch takes this long.
pub(crate) const FETCH: Duration = Duration::from_millis(100);

/// Every answer of the API takes this long: as long as from one call to the next, which keeps the
/// number of moments low that the paused clock stops at.
pub(crate) const ANSWER: Duration = Duration::from_millis(20);

/// A call that takes longer has waited for something else than the API.
const SLOW: Duration = Duration::from_millis(50);

/// When a caller gives up.
const PATIENCE: Duration = Duration::from_secs(5);

const ORIGIN: &str = "https://api.example.com";

/// The endpoint that always answers 401.
pub(crate) const BROKEN: &str = "/broken";

const GOOD: &str = "/good";

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) source: ScriptedSource,
    pub(crate) api: ScriptedApi,
    pub(crate) cached: Cached,
    service: BearerService<ScriptedApi>,
    tally: Arc<Mutex<Tally>>,
}

/// What happened to the good calls since the last look.
#[derive(Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) calls: usize,
    pub(crate) failed: usize,
    pub(crate) slow: usize,
    /// The longest time in which no call succeeded.
    pub(crate) outage: Duration,
    succeeded: Instant,
}

impl Tally {
    fn new() -> Self {
        Self {
            calls: 0,
            failed: 0,
            slow: 0,
            outage: Duration::ZERO,
            succeeded: Instant::now(),
        }
    }

    fn count(&mut self, succeeded: bool, took: Duration) {
        self.calls += 1;
        if took > SLOW {
            self.slow += 1;
        }
        if !succeeded {
            self.failed += 1;
            return;
        }
        self.outage = self.outage.max(self.succeeded.elapsed());
        self.succeeded = Instant::now();
    }

    /// Time that is over without a success counts as well.
    fn closed(mut self) -> Self {
        self.outage = self.outage.max(self.succeeded.elapsed());
        self
    }
}

impl World {
    pub(crate) fn new(lifetime: Duration) -> Self {
        let source = ScriptedSource::tokens(lifetime);
        source.latency(FETCH);
        let api = ScriptedApi::new(&source);
        api.latency(ANSWER).refuse(BROKEN);
        let builder = Cached::builder(source.clone());
        let cached = builder.clock(ManualClock::running()).build();
        let layer = BearerLayer::new(cached.clone()).origins([ORIGIN]);
        Self {
            service: layer.unwrap().layer(api.clone()),
            source,
            api,
            cached,
            tally: Arc::new(Mutex::new(Tally::new())),
        }
    }

    /// With a token in hand that is accepted everywhere and has been for a while.
    pub(crate) async fn warm(lifetime: Duration) -> Self {
        let world = Self::new(lifetime);
        world.good(Duration::from_secs(20)).await;
        world.look();
        world
    }

    /// What happened so far; begins to count anew.
    pub(crate) fn look(&self) -> Tally {
        let mut tally = self.tally.lock().unwrap();
        std::mem::replace(&mut *tally, Tally::new()).closed()
    }

    /// 50 calls a second that any good token serves, each at its time, whatever became of the others.
    pub(crate) async fn good(&self, time: Duration) {
        self.call(GOOD, Duration::from_millis(20), time).await;
    }

    /// One call a second to the endpoint that always answers 401.
    pub(crate) async fn broken(&self, time: Duration) {
        self.call(BROKEN, Duration::from_secs(1), time).await;
    }

    /// So many good calls at once.
    pub(crate) async fn burst(&self, calls: usize) {
        let calling: Vec<_> = (0..calls).map(|_| self.start(GOOD)).collect();
        for call in calling {
            call.await.unwrap();
        }
    }

    async fn call(&self, path: &'static str, every: Duration, time: Duration) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let calls = time.as_millis() / every.as_millis();
        let mut last = None;
        for _ in 0..calls {
            ticks.tick().await;
            last = Some(self.start(path));
        }
        if let Some(last) = last {
            last.await.unwrap();
        }
    }

    fn start(&self, path: &'static str) -> tokio::task::JoinHandle<()> {
        let (service, tally) = (self.service.clone(), Arc::clone(&self.tally));
        tokio::spawn(async move {
            let request = Request::get(format!("{ORIGIN}{path}"));
            let request = request.body(Empty::<Bytes>::new()).unwrap();
            let began = Instant::now();
            let answer = tokio::time::timeout(PATIENCE, service.oneshot(request)).await;
            let succeeded = matches!(answer, Ok(Ok(answer)) if answer.status() == 200);
            if path == GOOD {
                tally.lock().unwrap().count(succeeded, began.elapsed());
            }
        })
    }

    /// Token requests since `before`.
    pub(crate) fn fetches_since(&self, before: usize) -> usize {
        self.source.fetches() - before
    }
}
