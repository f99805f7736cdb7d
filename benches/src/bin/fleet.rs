//! Ten thousand processes with the real engine on a virtual clock: what their token endpoint sees.
//!
//! `cargo xtask fleet [--svg FILE]`
//!
//! All start within one second and then want a credential once a second each. In the middle the
//! token endpoint is down for ten minutes, timed so that most tokens end meanwhile.
#![allow(clippy::print_stdout, reason = "a command-line tool")]

use std::{
    future::Future as _,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Waker},
    time::Duration,
};

use hallpass_benches::plot;
use hallpass_core::{Cached, Clock, Credential, CredentialSource, Error, Fetch, Moment, Policy};

const PROCESSES: usize = 10_000;
const OUTAGE: usize = 600;
/// Each process wants a credential in its own tenth of every second.
const STEPS: usize = 10;

#[derive(Clone, Default)]
struct VirtualClock(Arc<AtomicU64>);

impl Clock for VirtualClock {
    fn now(&self) -> Moment {
        let now = Duration::from_millis(self.0.load(Relaxed));
        Moment {
            monotonic: now,
            wall: now,
        }
    }
}

#[derive(Clone)]
struct Issuer {
    lifetime: Duration,
    down: Arc<AtomicBool>,
    requests: Arc<AtomicU64>,
}

impl CredentialSource for Issuer {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        let number = self.requests.fetch_add(1, Relaxed);
        if self.down.load(Relaxed) {
            return Err(Error::transient("the token endpoint is down"));
        }
        Ok(Credential::bearer(&format!("token-{number}"))?.lives_for(self.lifetime))
    }
}

/// What one run showed.
struct Run {
    /// Token requests in each second.
    requests: Vec<u64>,
    /// Processes without a credential when the outage ended.
    waiting: usize,
    /// Seconds until the last of them had one.
    recovered_after: usize,
    outage: std::ops::Range<usize>,
}

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let svg = arguments.iter().position(|word| word == "--svg");
    let svg = svg.and_then(|at| arguments.get(at + 1));
    let mut series = vec![];
    for lifetime in [3600, 300] {
        let plain = simulate(lifetime, false);
        let jittered = simulate(lifetime, true);
        report(lifetime, &plain, &jittered);
        series.push((format!("{lifetime} s tokens, no jitter"), plain.requests));
        series.push((format!("{lifetime} s tokens"), jittered.requests));
    }
    if let Some(file) = svg {
        plot::lines(file, "token requests a second, 10,000 processes", &series)?;
    }
    Ok(())
}

fn simulate(lifetime: usize, jitter: bool) -> Run {
    let mut policy = Policy::default();
    if !jitter {
        policy.renewal_jitter = 0.0;
        policy.first_renewal_jitter = 0.0;
    }
    // Two lifetimes in, tokens are due about here; the outage lasts beyond their end.
    let start = 2 * lifetime - lifetime / 5;
    let outage = start..start + OUTAGE;
    let end = outage.end + lifetime.max(600);

    let clock = VirtualClock::default();
    let issuer = Issuer {
        lifetime: Duration::from_secs(lifetime as u64),
        down: Arc::default(),
        requests: Arc::default(),
    };
    let processes: Vec<Cached> = (0..PROCESSES)
        .map(|_| {
            Cached::builder(issuer.clone())
                .policy(policy.clone())
                .clock(clock.clone())
                .build()
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let Ok(runtime) = runtime else {
        panic!("a runtime without sockets can be built")
    };
    runtime.block_on(async {
        let mut run = Run {
            requests: vec![0; end],
            waiting: 0,
            recovered_after: 0,
            outage: outage.clone(),
        };
        for second in 0..end {
            issuer.down.store(outage.contains(&second), Relaxed);
            let before = issuer.requests.load(Relaxed);
            for step in 0..STEPS {
                let millis = (second * STEPS + step) * 1000 / STEPS;
                clock.0.store(millis as u64, Relaxed);
                for process in processes.iter().skip(step).step_by(STEPS) {
                    want(process);
                }
                // Each fetch is a task that ends at its first poll; a turn runs a few dozen.
                for _ in 0..PROCESSES / STEPS / 16 {
                    tokio::task::yield_now().await;
                }
            }
            run.requests[second] = issuer.requests.load(Relaxed) - before;
            if second + 1 >= outage.end {
                let waiting = processes
                    .iter()
                    .filter(|one| one.try_get().is_none())
                    .count();
                if second + 1 == outage.end {
                    run.waiting = waiting;
                } else if waiting > 0 {
                    run.recovered_after = second + 1 - outage.end;
                }
            }
        }
        run
    })
}

/// What a caller does, without waiting for what it starts.
fn want(process: &Cached) {
    if process.try_get().is_none() {
        let mut context = Context::from_waker(Waker::noop());
        let _ = pin!(process.get()).poll(&mut context);
    }
}

fn report(lifetime: usize, plain: &Run, jittered: &Run) {
    let first = lifetime / 2..plain.outage.start;
    let peak = |run: &Run| {
        run.requests[first.clone()]
            .iter()
            .copied()
            .max()
            .unwrap_or(0)
    };
    let (synchronised, spread) = (peak(plain), peak(jittered));
    println!("{lifetime} s tokens:");
    println!(
        "  peak a second after the first lifetime: {spread}, without jitter {synchronised}: 1/{:.1}",
        synchronised as f64 / spread.max(1) as f64
    );
    let after = &jittered.requests[jittered.outage.end..];
    let peak = after[..120.min(after.len())]
        .iter()
        .copied()
        .max()
        .unwrap_or(0);
    println!(
        "  after the outage: {} processes wait, peak a second {peak}: 1/{:.1}; all served within {} s",
        jittered.waiting,
        jittered.waiting as f64 / peak.max(1) as f64,
        jittered.recovered_after + 1
    );
}
