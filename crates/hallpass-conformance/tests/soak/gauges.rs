//! [`Gauges`]: memory, tasks and sockets of this process, looked at while all is calm.

use std::{alloc::System, backtrace::Backtrace, fmt, fs, time::Duration};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::{runtime::Handle, time::Instant};

/// Counts what is in use: what an allocator keeps for later says nothing of a leak.
#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often they are looked at.
const PAUSE: Duration = Duration::from_millis(250);

/// What trouble leaves behind (answers under way, idle connections, silent ones) is gone by then.
const SETTLED: Duration = Duration::from_secs(1);

pub(crate) struct Gauges {
    start: Instant,
    length: Duration,
    samples: Vec<(Duration, [f64; 3])>,
}

const NAMES: [&str; 3] = ["memory, MiB", "tasks", "open files"];

/// By how much the last quarter may lie above the first: a share, and what a few connections more
/// or less come to.
const ROOM: [(f64, f64); 3] = [(0.15, 8.0), (0.2, 30.0), (0.2, 20.0)];

impl Gauges {
    pub(crate) fn new(length: Duration) -> Self {
        // The first backtrace in an error reads the symbols of the whole program, and keeps them.
        drop(Backtrace::force_capture().to_string());
        Self {
            start: Instant::now(),
            length,
            // All at once, so that they themselves don't grow.
            samples: Vec::with_capacity(1 << 15),
        }
    }

    /// Looks at them for as long as it is calm.
    pub(crate) async fn watch(&mut self, calm: Duration, tidy: impl Fn()) {
        let start = Instant::now();
        while start.elapsed() < calm {
            tokio::time::sleep(PAUSE).await;
            tidy();
            if start.elapsed() > SETTLED {
                let now = [
                    memory(),
                    Handle::current().metrics().num_alive_tasks() as f64,
                    open_files(),
                ];
                self.samples.push((self.start.elapsed(), now));
            }
        }
    }

    /// The medians of the first and of the last quarter.
    fn quarters(&self) -> [(f64, f64); 3] {
        let quarter = self.length / 4;
        let last = self.start.elapsed().saturating_sub(quarter);
        // What is made once is made in the first seconds.
        let begun = Duration::from_secs(10).min(quarter / 2);
        let median = |gauge: usize, from: Duration, to: Duration| {
            let within = |at: &Duration| (from..to).contains(at);
            let mut all: Vec<f64> = self
                .samples
                .iter()
                .filter(|(at, _)| within(at))
                .map(|(_, seen)| seen[gauge])
                .collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or_default()
        };
        [0, 1, 2].map(|gauge| {
            let first = median(gauge, begun, begun + quarter);
            (first, median(gauge, last, Duration::MAX))
        })
    }

    pub(crate) fn grown(&self) -> Vec<String> {
        let quarters = self.quarters().into_iter().zip(ROOM).zip(NAMES);
        quarters
            .filter_map(|(((first, last), (share, more)), name)| {
                let most = first * (1.0 + share) + more;
                let grown = first == 0.0 || last > most;
                grown.then(|| format!("{name}: {first:.0} at first, {last:.0} at last"))
            })
            .collect()
    }
}

impl fmt::Display for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((first, last), name) in self.quarters().into_iter().zip(NAMES) {
            writeln!(
                f,
                "{name}: {first:.0} in the first quarter, {last:.0} in the last"
            )?;
        }
        write!(f, "samples: {}", self.samples.len())
    }
}

/// Memory in use.
fn memory() -> f64 {
    let stats = MEMORY.stats();
    let used = stats
        .bytes_allocated
        .saturating_sub(stats.bytes_deallocated);
    used as f64 / f64::from(1 << 20)
}

fn open_files() -> f64 {
    fs::read_dir("/proc/self/fd").map_or(0.0, |all| all.count() as f64)
}
