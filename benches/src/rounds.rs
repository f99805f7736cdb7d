//! Laps of all contenders in turn, on one thread or on several at once.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use crate::contenders::{Contender, Lap, Room};

/// Threads have to run at the same time for at least this share of a lap for it to count.
const OVERLAP: f64 = 0.9;

/// What one contender took.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// Nanoseconds a request: of each lap the threads' mean, of the laps the median.
    pub ns: f64,
    /// The share of its laps that counted.
    pub counted: f64,
}

/// From when to when one thread was sending.
type Span = (Instant, Instant);

/// Rounds go over all contenders, so that what disturbs the machine disturbs them alike. Each
/// round begins with the next one, so that nobody always comes after the same neighbour.
///
/// # Errors
/// If a contender does not answer at once.
pub fn interleaved(
    contenders: &[Contender],
    threads: usize,
    rounds: usize,
    requests: usize,
) -> Result<Vec<Taken>, String> {
    let gate = Gate::new(threads);
    let spans: Vec<Vec<Vec<Span>>> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                let laps = contenders.iter().map(|one| one.lap(Room::None)).collect();
                let gate = &gate;
                scope.spawn(move || run(laps, gate, rounds, requests))
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_default())
            .collect()
    });
    let taken = contenders.iter().enumerate().map(|(at, contender)| {
        let threads: Vec<&[Span]> = spans
            .iter()
            .filter_map(|thread| thread.get(at).map(Vec::as_slice))
            .filter(|laps| laps.len() == rounds)
            .collect();
        if threads.len() < spans.len() {
            return Err(format!("{} did not answer at once", contender.name));
        }
        Ok(taken(&threads, rounds, requests))
    });
    taken.collect()
}

/// All rounds of one thread: its spans of each contender.
#[allow(
    clippy::disallowed_methods,
    reason = "measuring is what clocks are for"
)]
fn run(mut laps: Vec<Lap>, gate: &Gate, rounds: usize, requests: usize) -> Vec<Vec<Span>> {
    let mut spans = vec![Vec::with_capacity(rounds); laps.len()];
    for lap in &mut laps {
        lap(16, &mut |part| part());
    }
    for round in 0..rounds {
        for turn in 0..laps.len() {
            let at = (turn + round) % laps.len();
            let mut span = None;
            let answered = laps[at](requests, &mut |part| {
                gate.pass();
                let start = Instant::now();
                part();
                span = Some((start, Instant::now()));
            });
            // A lap that failed is missed later; all threads go through the gate as often.
            if let (true, Some(span)) = (answered, span) {
                spans[at].push(span);
            }
        }
    }
    spans
}

fn taken(threads: &[&[Span]], rounds: usize, requests: usize) -> Taken {
    let mut counted = Vec::with_capacity(rounds);
    let mut all = Vec::with_capacity(rounds);
    for lap in 0..rounds {
        let spans: Vec<Span> = threads.iter().map(|laps| laps[lap]).collect();
        let total: Duration = spans.iter().map(|(start, end)| *end - *start).sum();
        let mean = total.as_secs_f64() / spans.len() as f64;
        let ns = mean * 1e9 / requests as f64;
        all.push(ns);
        if together(&spans) >= OVERLAP * mean {
            counted.push(ns);
        }
    }
    let share = counted.len() as f64 / rounds as f64;
    Taken {
        ns: median(if counted.is_empty() {
            &mut all
        } else {
            &mut counted
        }),
        counted: share,
    }
}

/// For how many seconds all were sending.
fn together(spans: &[Span]) -> f64 {
    let start = spans.iter().map(|(start, _)| *start).max();
    let end = spans.iter().map(|(_, end)| *end).min();
    match (start, end) {
        (Some(start), Some(end)) => end.saturating_duration_since(start).as_secs_f64(),
        _ => 0.0,
    }
}

/// The middle value.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Lets threads through together. They spin, because waking one takes as long as a hundred
/// requests.
#[derive(Debug)]
pub struct Gate {
    threads: usize,
    arrived: AtomicUsize,
}

impl Gate {
    /// A gate for so many threads.
    pub const fn new(threads: usize) -> Self {
        Self {
            threads,
            arrived: AtomicUsize::new(0),
        }
    }

    /// Waits until all threads have come as often as this one.
    pub fn pass(&self) {
        let ticket = self.arrived.fetch_add(1, Ordering::AcqRel);
        let whole = (ticket / self.threads + 1) * self.threads;
        let mut spins = 0_u32;
        while self.arrived.load(Ordering::Acquire) < whole {
            spins = spins.wrapping_add(1);
            if spins.is_multiple_of(4096) {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}
