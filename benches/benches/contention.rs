//! The path with a fresh credential, on several threads that share one credential.
//!
//! `cargo bench --package hallpass-benches --bench contention`
#![allow(missing_docs, reason = "criterion's macros write public items")]

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use hallpass_benches::{contenders, rounds};

const THREADS: [usize; 4] = [1, 2, 4, 8];
const NAMES: [&str; 3] = ["tower-http/static", "hallpass/header", "hallpass/replay"];
/// Requests that each thread prepares before all of them start to send.
const LAP: usize = 512;

fn contention(criterion: &mut Criterion) {
    let Ok(mut contenders) = contenders::all() else {
        panic!("a static token needs no network")
    };
    contenders.retain(|contender| NAMES.contains(&contender.name));
    let Ok(keyed) = contenders::keyed() else {
        panic!("a static token needs no network")
    };
    contenders.extend(keyed);
    let mut group = criterion.benchmark_group("contention");
    for contender in &contenders {
        for threads in THREADS {
            let id = BenchmarkId::new(contender.name, threads);
            group.bench_function(id, |bencher| {
                bencher.iter_custom(|requests| {
                    let laps = (requests as usize).div_ceil(LAP);
                    let one = std::slice::from_ref(contender);
                    let Ok(taken) = rounds::interleaved(one, threads, laps, LAP) else {
                        panic!("a contender did not answer at once")
                    };
                    Duration::from_secs_f64(taken[0].ns * requests as f64 / 1e9)
                });
            });
        }
    }
}

criterion_group!(benches, contention);
criterion_main!(benches);
