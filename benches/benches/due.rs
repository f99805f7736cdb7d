//! What a caller pays whose credential is due: it goes on with the one in hand.
//!
//! `cargo bench --package hallpass-benches --bench due`
#![allow(missing_docs, reason = "criterion's macros write public items")]

use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use hallpass_benches::{clock::VirtualClock, token};
use hallpass_core::{Cached, Credential, CredentialSource, Error, Fetch};
use tokio::runtime::{Builder, Runtime};

const LIFETIME: Duration = Duration::from_secs(3600);
/// Far in the window in which it is renewed ahead.
const DUE: Duration = Duration::from_secs(3540);

/// What the source does after its first credential.
#[derive(Debug, Clone, Copy)]
enum Then {
    /// The renewal takes longer than anything measured here.
    Hangs,
    Fails,
}

struct Issuer {
    then: Then,
    asked: AtomicBool,
}

impl CredentialSource for Issuer {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        if !self.asked.swap(true, Relaxed) {
            return Ok(Credential::bearer(&token())?.lives_for(LIFETIME));
        }
        match self.then {
            Then::Hangs => std::future::pending().await,
            Then::Fails => Err(Error::transient("as it is meant to")),
        }
    }
}

/// A runtime whose tasks run only when this thread lets them.
fn runtime() -> Runtime {
    let Ok(runtime) = Builder::new_current_thread().enable_time().build() else {
        panic!("a runtime without sockets can be built")
    };
    runtime
}

/// A credential that is due, of which nobody has taken notice yet.
fn due(runtime: &Runtime, then: Then) -> Cached {
    let (cached, clock) = fresh(runtime, then);
    clock.set(DUE);
    cached
}

fn fresh(runtime: &Runtime, then: Then) -> (Cached, VirtualClock) {
    let clock = VirtualClock::default();
    let asked = AtomicBool::new(false);
    let cached = Cached::builder(Issuer { then, asked })
        .clock(clock.clone())
        .build();
    let Ok(_) = runtime.block_on(cached.get()) else {
        panic!("the first token is there")
    };
    (cached, clock)
}

fn take(cached: &Cached) -> bool {
    black_box(cached.try_get()).is_some()
}

fn renewal(criterion: &mut Criterion) {
    let runtime = runtime();
    let _context = runtime.enter();
    let mut group = criterion.benchmark_group("due");

    group.bench_function("the call that starts the renewal", |bencher| {
        bencher.iter_batched(
            || {
                // Those of the batch before: each hangs, in a task of its own.
                runtime.block_on(tokio::task::yield_now());
                due(&runtime, Then::Hangs)
            },
            |cached| (take(&cached), cached),
            BatchSize::SmallInput,
        );
    });
    for (name, then) in [
        ("calls while it is under way", Then::Hangs),
        ("calls in the gap after it failed", Then::Fails),
    ] {
        group.bench_function(name, |bencher| {
            let cached = due(&runtime, then);
            assert!(take(&cached));
            runtime.block_on(async {
                for _ in 0..16 {
                    tokio::task::yield_now().await;
                }
            });
            bencher.iter(|| take(&cached));
        });
    }
    group.bench_function("calls while it is fresh, for comparison", |bencher| {
        let (fresh, _clock) = fresh(&runtime, Then::Hangs);
        bencher.iter(|| take(&fresh));
    });
}

criterion_group!(benches, renewal);
criterion_main!(benches);
