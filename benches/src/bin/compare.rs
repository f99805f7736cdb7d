//! All contenders in one process, interleaved, many rounds: the table of the README.
//!
//! `cargo xtask bench [--json FILE] [--svg FILE] [--rounds N]`
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

use std::{process::Command, sync::Barrier, time::Duration};

use hallpass_benches::contenders::{self, Contender};
use serde_json::{Value, json};

/// Requests in a lap: enough for a clock's step not to show, few enough to stay in the cache.
const LAP: usize = 512;
const THREADS: [usize; 2] = [1, 2];

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let rounds = option("--rounds").map_or(Ok(200), |text| text.parse());
    let rounds: usize = rounds.map_err(|_| "--rounds takes a number")?;
    let contenders = contenders::all().map_err(|error| error.to_string())?;
    let rows = measure(&contenders, rounds);
    print_table(&rows);
    if let Some(file) = option("--json") {
        std::fs::write(&file, format!("{:#}\n", to_json(&rows)))
            .map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(())
}

struct Row {
    name: &'static str,
    threads: usize,
    ns: f64,
    over_noop_ns: f64,
    instructions: Option<f64>,
    allocs: Option<f64>,
    alloc_bytes: Option<f64>,
}

/// Rounds go over all contenders in turn, so that what disturbs the machine disturbs them alike;
/// of a contender's laps the median counts.
fn measure(contenders: &[Contender], rounds: usize) -> Vec<Row> {
    let mut rows = vec![];
    for threads in THREADS {
        let mut laps: Vec<Vec<f64>> = vec![vec![]; contenders.len()];
        for _ in 0..rounds {
            for (contender, laps) in contenders.iter().zip(&mut laps) {
                laps.push(lap(contender, threads));
            }
        }
        let medians: Vec<f64> = laps.iter_mut().map(|laps| median(laps)).collect();
        for (contender, ns) in contenders.iter().zip(&medians) {
            let counts = counts(contender.name);
            rows.push(Row {
                name: contender.name,
                threads,
                ns: *ns,
                over_noop_ns: ns - medians[0],
                instructions: instructions(contender.name),
                allocs: counts.map(|(calls, _)| calls),
                alloc_bytes: counts.map(|(_, bytes)| bytes),
            });
        }
    }
    rows
}

/// One lap on each of so many threads at once; nanoseconds a request, the threads' mean.
fn lap(contender: &Contender, threads: usize) -> f64 {
    let barrier = Barrier::new(threads);
    let spent: Duration = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                let mut lap = (contender.lap)();
                let barrier = &barrier;
                scope.spawn(move || {
                    contenders::time(&mut lap, 16);
                    barrier.wait();
                    contenders::time(&mut lap, LAP)
                })
            })
            .collect();
        running
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .sum()
    });
    spent.as_nanos() as f64 / (threads * LAP) as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Allocations and bytes of one request, as the sibling binary counts them.
fn counts(name: &str) -> Option<(f64, f64)> {
    let output = sibling().ok()?.args(["allocations", name]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (calls, bytes) = text.trim().split_once(' ')?;
    Some((calls.parse().ok()?, bytes.parse().ok()?))
}

/// Instructions of one request under callgrind, if it is installed.
fn instructions(name: &str) -> Option<f64> {
    const REQUESTS: u32 = 1000;
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--collect-atstart=no",
            "--toggle-collect=*counts*measured*",
        ])
        .arg(sibling().ok()?.get_program())
        .args(["run", name, &REQUESTS.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text
        .lines()
        .find_map(|line| line.split("Collected : ").nth(1))?;
    Some(collected.trim().parse::<f64>().ok()? / f64::from(REQUESTS))
}

fn sibling() -> std::io::Result<Command> {
    let mut path = std::env::current_exe()?;
    path.set_file_name("counts");
    Ok(Command::new(path))
}

fn print_table(rows: &[Row]) {
    println!(
        "{:<22} {:>7} {:>9} {:>14} {:>13} {:>7} {:>12}",
        "name", "threads", "ns", "over noop, ns", "instructions", "allocs", "alloc bytes"
    );
    for row in rows {
        let show = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0}"));
        println!(
            "{:<22} {:>7} {:>9.1} {:>14.1} {:>13} {:>7} {:>12}",
            row.name,
            row.threads,
            row.ns,
            row.over_noop_ns,
            show(row.instructions),
            show(row.allocs),
            show(row.alloc_bytes),
        );
    }
}

fn to_json(rows: &[Row]) -> Value {
    rows.iter()
        .map(|row| {
            json!({
                "name": row.name,
                "threads": row.threads,
                "ns": row.ns,
                "over_noop_ns": row.over_noop_ns,
                "instructions": row.instructions,
                "allocs": row.allocs,
                "alloc_bytes": row.alloc_bytes,
            })
        })
        .collect()
}
