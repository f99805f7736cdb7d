//! [`World`]: the server, the ways to it, and all who call.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hallpass_core::{Authorizer, Cached, CredentialSource, Keyed, Policy};
use hallpass_redis::RedisStore;
use hallpass_shared::{Key, Keys, MemoryStore, Shared, SharedStore};
use hallpass_testkit::{ManualClock, Relay, RouteAnswer, Server};
use serde_json::json;

use crate::{
    callers::{ACTION, CLIENT, Caller, SECRET, Stack, Trust},
    done::Done,
    journal::Journal,
    redis::Redis,
};

/// What every caller calls.
pub(crate) const CALL: &str = "/soak.Api/Call";

/// How long tokens live: so short that there are many renewals.
pub(crate) const LIFETIME: Duration = Duration::from_secs(10);

/// The least that a token has left when its renewal begins: a fifth.
pub(crate) const LEFT: Duration = Duration::from_secs(2);

/// How long a caller waits for another attempt at a token.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// One attempt at a token.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(3);

/// A whole fetch.
pub(crate) const FETCH: Duration = Duration::from_secs(6);

/// How many tenants each keyed caller has.
pub(crate) const TENANTS: usize = 3;

/// How many processes a fleet has, which are caches here.
const REPLICAS: [Stack; 2] = [Stack::TowerHttp1, Stack::Reqwest];

/// One who calls, with one credential or, keyed, with one for each tenant.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) caller: Caller,
    pub(crate) tenants: usize,
    pub(crate) journal: Arc<Journal>,
}

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) tokens: Relay,
    pub(crate) api: Relay,
    pub(crate) clock: ManualClock,
    pub(crate) memory: MemoryStore,
    pub(crate) redis: Option<Redis>,
    pub(crate) done: Arc<Done>,
    pub(crate) callers: Vec<Entry>,
    /// How many credentials are kept by all of them.
    pub(crate) credentials: usize,
    counted: AtomicUsize,
}

impl World {
    pub(crate) async fn start() -> Self {
        let server = Server::builder()
            .client(CLIENT, SECRET)
            .token_lifetime(LIFETIME);
        let server = server.start().await;
        let (tokens, api) = (
            Relay::start(server.addr()).await,
            Relay::start(server.addr()).await,
        );
        let redis = Redis::start().await;
        println!(
            "stores: memory{}",
            if redis.is_some() {
                ", Redis"
            } else {
                "; redis-server is not there"
            }
        );
        let mut world = Self {
            server,
            tokens,
            api,
            clock: ManualClock::running(),
            memory: MemoryStore::new(),
            redis,
            done: Arc::new(Done::with_room()),
            callers: Vec::new(),
            credentials: 0,
            counted: AtomicUsize::new(0),
        };
        world.route();
        for stack in Stack::ALL {
            world.add_alone(stack).await;
            world.add_keyed(stack).await;
        }
        let memory = SharedStore::new(world.memory.clone());
        world.add_fleet("memory", &memory).await;
        if let Some(redis) = &world.redis {
            let store = RedisStore::open(redis.url()).unwrap();
            world.add_fleet("Redis", &SharedStore::new(store)).await;
        }
        world
    }

    /// The API's answer, which notes what it has done.
    pub(crate) fn route(&self) {
        let done = self.done.clone();
        self.server.api().route_with(CALL, move |request| {
            let action = request.header(ACTION).and_then(|text| text.parse().ok());
            done.note(action.unwrap_or_default());
            if request.header("content-type") == Some("application/grpc") {
                RouteAnswer::grpc(b"done")
            } else {
                json!({"done": true}).into()
            }
        });
    }

    async fn add_alone(&mut self, stack: Stack) {
        let trust = self.trust(stack.http2(false)).await;
        let source = stack.tokens(&self.token_url(), &trust, ATTEMPT);
        let journal = Arc::default();
        let rules = Authorizer::new(cached(source, &self.clock, &journal));
        let name = format!("{}, alone", stack.name());
        self.add(name, stack, rules, &trust, 0, journal);
        self.credentials += 1;
    }

    async fn add_keyed(&mut self, stack: Stack) {
        let trust = self.trust(stack.http2(true)).await;
        let source = stack.tokens(&self.token_url(), &trust, ATTEMPT);
        let clock = self.clock.clone();
        let journal: Arc<Journal> = Arc::default();
        let seen = journal.clone();
        let keyed =
            Keyed::new(move |_: &crate::callers::Tenant| Ok(cached(source.clone(), &clock, &seen)));
        let rules = Authorizer::keyed(keyed);
        let name = format!("{}, keyed", stack.name());
        self.add(name, stack, rules, &trust, TENANTS, journal);
        self.credentials += TENANTS;
    }

    async fn add_fleet(&mut self, store: &str, shared: &SharedStore) {
        let key = Key::random().unwrap();
        for stack in REPLICAS {
            let trust = self.trust(stack.http2(false)).await;
            let source = stack.tokens(&self.token_url(), &trust, ATTEMPT);
            let source = Shared::new(source, shared.clone(), Keys::new(key.clone()));
            let journal = Arc::default();
            let rules = Authorizer::new(cached(source, &self.clock, &journal));
            let name = format!("{}, {store}", stack.name());
            self.add(name, stack, rules, &trust, 0, journal);
            self.credentials += 1;
        }
    }

    async fn trust(&self, http2: bool) -> Trust {
        let mut trust = Trust::of(&self.api, http2).await;
        trust.probes = true;
        trust
    }

    fn add(
        &mut self,
        name: String,
        stack: Stack,
        rules: Authorizer,
        trust: &Trust,
        tenants: usize,
        journal: Arc<Journal>,
    ) {
        let base = self.api.url();
        let rules = rules.origins([base.as_str()]).unwrap();
        let caller = stack.caller(&base, rules, trust);
        self.callers.push(Entry {
            name,
            caller,
            tenants,
            journal,
        });
    }

    fn token_url(&self) -> String {
        self.tokens.url_of(&self.server.token_url())
    }

    /// Counts what the journal has, and starts it anew, so that it doesn't grow.
    pub(crate) fn tidy(&self) {
        let tokens = self.server.journal().token_requests();
        self.counted.fetch_add(tokens, Ordering::Relaxed);
        self.server.clear_journal();
    }

    pub(crate) fn token_requests(&self) -> usize {
        self.tidy();
        self.counted.load(Ordering::Relaxed)
    }
}

fn cached(source: impl CredentialSource, clock: &ManualClock, journal: &Arc<Journal>) -> Cached {
    let policy = Policy::default().patience(PATIENCE).fetch_deadline(FETCH);
    Cached::builder(source)
        .policy(policy)
        .clock(clock.clone())
        .observer(journal.clone())
        .build()
}
