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

use hallpass_benches::{
    clock::VirtualClock,
    options::Options,
    plot,
    targets::{self, Target},
};
use hallpass_core::{Cached, Credential, CredentialSource, Error, Fetch, Policy};

const PROCESSES: usize = 10_000;
const OUTAGE: usize = 600;
/// Of their tokens, in seconds.
const LIFETIMES: [usize; 2] = [3600, 300];
/// Each process wants a credential in its own tenth of every second.
const STEPS: usize = 10;

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
    let options = Options::of_process(&["--svg"])?;
    let mut series = vec![];
    let mut targets = vec![];
    println!("{PROCESSES} processes, the token endpoint down for {OUTAGE} s");
    for lifetime in LIFETIMES {
        let plain = simulate(lifetime, false);
        let jittered = simulate(lifetime, true);
        targets.extend(report(lifetime, &plain, &jittered));
        series.push((format!("{lifetime} s tokens, no jitter"), plain.requests));
        series.push((format!("{lifetime} s tokens"), jittered.requests));
    }
    targets::print(&targets);
    if let Some(file) = options.text("--svg") {
        plot::lines(file, "token requests a second, 10,000 processes", &series)?;
    }
    Ok(())
}

fn simulate(lifetime: usize, jitter: bool) -> Run {
    let mut policy = Policy::default();
    if !jitter {
        policy.renewal_jitter = 0.0;
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
                clock.set(Duration::from_millis(millis as u64));
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

fn report(lifetime: usize, plain: &Run, jittered: &Run) -> [Target; 3] {
    let first = lifetime / 2..plain.outage.start;
    let (synchronised, spread) = (plain.peak(first.clone()), jittered.peak(first));
    let outage = &jittered.outage;
    let after = jittered.peak(outage.end..outage.end + 120);
    let recovered = jittered.recovered_after + 1;
    println!("{lifetime} s tokens:");
    println!(
        "  after the first lifetime at most {spread} token requests a second, without jitter {synchronised}"
    );
    println!(
        "  when the outage ends {} processes wait; then at most {after} token requests a second, all served within {recovered} s",
        jittered.waiting
    );
    let share = |part: u64, whole: f64| part as f64 / whole.max(1.0);
    let renewals = if lifetime == LIFETIMES[0] { 40.0 } else { 15.0 };
    [
        Target::at_most(
            format!("{lifetime} s tokens: peak of renewals / the same without jitter"),
            share(spread, synchronised as f64),
            1.0 / renewals,
        ),
        Target::at_most(
            format!("{lifetime} s tokens: peak after the outage / processes that wait"),
            share(after, jittered.waiting as f64),
            1.0 / 25.0,
        ),
        Target::at_most(
            format!("{lifetime} s tokens: all served after the outage within"),
            recovered as f64,
            75.0,
        )
        .of(" s"),
    ]
}

impl Run {
    fn peak(&self, seconds: std::ops::Range<usize>) -> u64 {
        let end = seconds.end.min(self.requests.len());
        let seconds = &self.requests[seconds.start.min(end)..end];
        seconds.iter().copied().max().unwrap_or(0)
    }
}
