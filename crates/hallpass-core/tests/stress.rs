//! Runtimes that last and runtimes that don't, panics, drops and clock jumps, all at once.
//!
//! `HALLPASS_STRESS_SECONDS=60 cargo test -p hallpass-core --test stress` takes a minute.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may panic, and says how much it did"
)]

#[path = "it/common/mod.rs"]
mod common;

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{
        Arc, Mutex, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use common::{Hands, Source, flaky, millis, secret, secs, token};
use hallpass_core::{Cached, Challenges, Clock, Credential, Moment, Policy};
use tokio::runtime::{Builder, Runtime};

fn seconds() -> u64 {
    let said = std::env::var("HALLPASS_STRESS_SECONDS").ok();
    said.and_then(|said| said.parse().ok()).unwrap_or(2)
}

fn runtime(threads: usize) -> Runtime {
    let mut builder = if threads == 0 {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    builder.worker_threads(threads.max(1)).enable_all();
    builder.build().unwrap()
}

/// How long each token lives.
const LIFE: Duration = secs(300);

/// Held for reading while no jump may come between: from when the issuer answers until the engine
/// takes the time of its arrival, on the same thread.
static STILL: RwLock<()> = RwLock::new(());

thread_local! {
    static HELD: RefCell<Option<RwLockReadGuard<'static, ()>>> = const { RefCell::new(None) };
}

/// The engine's clock.
struct UntilRead(Hands);

impl Clock for UntilRead {
    fn now(&self) -> Moment {
        let now = self.0.now();
        HELD.with_borrow_mut(Option::take);
        now
    }
}

/// What the issuer knows: when each of its tokens ends, by its own clock.
#[derive(Clone)]
struct Issuer {
    clock: Hands,
    ends: Arc<Mutex<HashMap<String, Moment>>>,
}

impl Issuer {
    fn issue(&self, n: u64) -> Credential {
        HELD.with_borrow_mut(|held| {
            held.get_or_insert_with(|| STILL.read().unwrap());
        });
        let token = token(n, LIFE);
        let ends = self.clock.now().plus(LIFE);
        let name = secret(&token).to_owned();
        self.ends.lock().unwrap().insert(name, ends);
        token
    }

    /// A token that is handed out to a caller who came then.
    fn check(&self, came: Moment, handed_out: &Credential) {
        let name = secret(handed_out);
        let ends = self.ends.lock().unwrap()[name];
        assert!(
            !ends.passed(came),
            "{name} ended at {ends:?}, handed out after {came:?}"
        );
    }
}

/// What one caller does, at random. Says whether it got a credential.
async fn call(cached: &Cached, issuer: &Issuer, random: &mut fastrand::Rng) -> bool {
    let came = issuer.clock.now();
    if random.u32(..20) == 0 {
        // A caller that goes away.
        let _ = tokio::time::timeout(Duration::from_micros(200), cached.get()).await;
        return false;
    }
    let Ok(credential) = cached.get_within(secs(20)).await else {
        return false;
    };
    issuer.check(came, &credential);
    match random.u32(..30) {
        0 => drop(cached.reject(&credential, &Challenges::default())),
        1..=5 => cached.accept(&credential),
        6 => {
            let came = issuer.clock.now();
            if let Some(credential) = cached.try_get() {
                issuer.check(came, &credential);
            }
        }
        _ => {}
    }
    true
}

#[test]
fn one_fetch_at_a_time_and_nothing_lost_on_any_mix_of_runtimes() {
    let hands = Hands::new();
    let issuer = Issuer {
        clock: hands.clone(),
        ends: Arc::default(),
    };
    let issuing = issuer.clone();
    let source = Source::new(move |n, _| match n % 11 {
        3 => Err(flaky()),
        7 => panic!("as a source may"),
        _ => Ok(issuing.issue(n)),
    })
    .taking(millis(2));
    let policy = Policy::default()
        .transient_gap(millis(1))
        .waiting_gap_limit(millis(5))
        .outage_gap_limit(millis(5))
        .transient_gap_limit(millis(5))
        .rejection_gap(millis(1))
        .rejection_gap_limit(millis(5))
        // The clock jumps here, so nobody may think that a fetch is overdue.
        .fetch_deadline(secs(36_000));
    let builder = Cached::builder(source.clone()).policy(policy);
    let cached = builder.clock(UntilRead(hands.clone())).build();
    let over = AtomicBool::new(false);
    let (served, failed, jumps) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (cached, issuer) = (&cached, &issuer);
            let (over, served, failed) = (&over, &served, &failed);
            scope.spawn(move || {
                let lasting = runtime(seed as usize % 2);
                let mut random = fastrand::Rng::with_seed(seed);
                lasting.block_on(async {
                    while !over.load(SeqCst) {
                        let count = if call(cached, issuer, &mut random).await {
                            served
                        } else {
                            failed
                        };
                        count.fetch_add(1, SeqCst);
                        tokio::time::sleep(Duration::from_micros(300)).await;
                    }
                });
            });
        }
        scope.spawn(|| {
            let mut random = fastrand::Rng::with_seed(99);
            while !over.load(SeqCst) {
                // Each lives for one call, or less.
                let short = runtime(random.usize(..2));
                if random.bool() {
                    short.block_on(async { call(&cached, &issuer, &mut random).await });
                } else {
                    drop(short.spawn(cached.get()));
                    short.shutdown_background();
                }
                if random.u32(..10) == 0
                    && let Ok(_nobody) = STILL.try_write()
                {
                    hands.pass(secs(random.u64(..400)));
                    jumps.fetch_add(1, SeqCst);
                }
            }
        });
        std::thread::sleep(secs(seconds()));
        over.store(true, SeqCst);
    });
    assert_eq!(source.most_at_once(), 1);
    let (served, failed) = (served.into_inner(), failed.into_inner());
    let (fetches, jumps) = (source.fetches(), jumps.into_inner());
    println!(
        "{served} callers served, {failed} not; {fetches} fetches, {jumps} jumps of the clock"
    );
    assert!(served > 100, "{served} served, {failed} failed");
    // Those that went away, and hardly any other.
    assert!(failed < served / 5, "{served} served, {failed} failed");
    let last = runtime(0).block_on(cached.get_within(secs(20)));
    last.unwrap();
}
