//! The header path: what a layer adds to a request when the credential in hand is fresh.
//!
//! `cargo bench --package hallpass-benches --bench header_path`
#![allow(missing_docs, reason = "criterion's macros write public items")]

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use hallpass_benches::contenders::{self, Room};

/// How many requests are prepared outside the measured part at a time.
const BATCH: u64 = 256;

fn header_path(criterion: &mut Criterion) {
    let (Ok(contenders), Ok(keyed)) = (contenders::all(), contenders::keyed()) else {
        panic!("a static token needs no network")
    };
    for contender in contenders.into_iter().chain(keyed) {
        let mut lap = contender.lap(Room::None);
        criterion.bench_function(contender.name, |bencher| {
            bencher.iter_custom(|rounds| {
                let full = (0..rounds / BATCH).map(|_| contenders::time(&mut lap, BATCH as usize));
                let full: Duration = full.sum();
                full + contenders::time(&mut lap, (rounds % BATCH) as usize)
            });
        });
    }
}

criterion_group!(benches, header_path);
criterion_main!(benches);
