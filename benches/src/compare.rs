//! All contenders in one process, interleaved, many rounds: the table of the README.

use crate::{
    contenders::Contender,
    counting::{self, Counts},
    machine,
    options::Options,
    rounds, table,
    table::{OVER_BARE, Row, over_bare, row},
    targets::{self, Target},
};

const THREADS: [usize; 2] = [1, 2];
const ROUNDS: usize = 600;
/// Requests in a lap, prepared ahead. A lap takes a fraction of a millisecond: long enough for a
/// clock's step not to show, and shorter than a scheduler's turn, so that on a busy machine most
/// laps are whole. Threads meet at a gate right before they send.
const LAP: usize = 512;
/// The bare inner service shares nothing among threads. If two of them slow it down by more than
/// this, something else uses the machine.
const BUSY: f64 = 1.15;

/// Measures, prints, and writes the files that are asked for. `missing` are contenders that could
/// not be set up, and why.
///
/// # Errors
/// If the arguments are wrong, a contender does not answer, or a file can't be written.
#[allow(clippy::print_stdout, reason = "for command-line tools")]
pub fn main(contenders: &[Contender], missing: &[(&str, String)]) -> Result<(), String> {
    if let Some(outcome) = counting::run(contenders) {
        return outcome;
    }
    let options = Options::of_process(&["--json", "--svg", "--markdown", "--rounds", "--lap"])?;
    let rounds = options.number("--rounds", ROUNDS)?.max(1);
    let requests = options.number("--lap", LAP)?.max(1);
    let counts: Vec<Counts> = contenders
        .iter()
        .map(|contender| counting::of(contender.name))
        .collect();
    let mut rows = vec![];
    for threads in THREADS {
        let taken = rounds::interleaved(contenders, threads, rounds, requests)?;
        for ((contender, taken_here), counts) in contenders.iter().zip(&taken).zip(&counts) {
            rows.push(Row {
                name: contender.name.to_owned(),
                threads,
                taken: Ok((*taken_here, taken_here.ns - taken[0].ns)),
                counts: *counts,
            });
        }
        rows.extend(missing.iter().map(|(name, why)| Row {
            name: (*name).to_owned(),
            threads,
            taken: Err(why.clone()),
            counts: Counts::default(),
        }));
    }
    let machine = machine::line();
    let notes = notes(&rows);
    let wanted = wanted(&rows);
    println!("{machine}\n{rounds} rounds of {requests} requests\n");
    table::print(&rows);
    for note in &notes {
        println!("{note}");
    }
    targets::print(&wanted);

    if let Some(file) = options.text("--json") {
        write(file, &format!("{:#}\n", table::json(&rows)))?;
    }
    if let Some(file) = options.text("--markdown") {
        let below: Vec<String> = notes
            .into_iter()
            .chain(wanted.iter().map(Target::to_string))
            .collect();
        let title = "What a credential adds to a request";
        write(file, &table::markdown(title, &machine, &rows, &below))?;
    }
    if let Some(file) = options.text("--svg") {
        table::svg(file, &machine, &rows)?;
    }
    Ok(())
}

fn write(file: &str, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| format!("{file}: {error}"))
}

/// What the table itself does not say.
fn notes(rows: &[Row]) -> Vec<String> {
    let mut notes = vec![];
    let ns = |name, threads| Some(row(rows, name, threads)?.taken.as_ref().ok()?.0.ns);
    if let (Some(alone), Some(two)) = (ns("noop", 1), ns("noop", 2)) {
        let ratio = two / alone;
        notes.push(format!(
            "noop on 2 threads takes {ratio:.2} × as long as on 1{}",
            if ratio > BUSY {
                ": THE MACHINE IS BUSY, measure again"
            } else {
                ""
            }
        ));
    }
    for (one, bare) in OVER_BARE {
        if let Some(over) = over_bare(rows, one, 1) {
            notes.push(format!("{one} over {bare}: {over:.1} ns"));
        }
    }
    notes
}

fn wanted(rows: &[Row]) -> Vec<Target> {
    let over_noop = |name: &str, threads| row(rows, name, threads)?.over_noop();
    let against = |one: &str, other: &str, threads: usize, limit: f64| {
        let ratio = over_noop(one, threads)? / over_noop(other, threads)?;
        let plural = if threads == 1 { "" } else { "s" };
        let what = format!("{one} over noop / {other} over noop, {threads} thread{plural}");
        Some(Target::at_most(what, ratio, limit))
    };
    let growth = || {
        let ratio = over_noop("hallpass/header", 2)? / over_noop("hallpass/header", 1)?;
        let what = "hallpass/header over noop, 2 threads / 1 thread";
        Some(Target::at_most(what, ratio, 1.3))
    };
    let allocations = || {
        let allocs = |name| row(rows, name, 1)?.counts.roomy_allocs;
        let more = allocs("hallpass/replay")? - allocs("noop")?;
        let what = "hallpass/replay over noop, header map with room";
        Some(Target::at_most(what, more, 3.0).of(" allocations"))
    };
    let reqwest = || {
        let ratio = over_bare(rows, "hallpass/reqwest", 1)? / over_bare(rows, "aliri", 1)?;
        let what = "hallpass/reqwest over bare / aliri over bare";
        Some(Target::at_most(what, ratio, 0.5))
    };
    [
        against("hallpass/header", "tower-http/static", 1, 1.5),
        against("hallpass/header", "tower-http/static", 2, 1.0),
        growth(),
        against("hallpass/replay", "tower-retry+static", 1, 0.6),
        allocations(),
        against("hallpass/replay", "cf-gears/auto-refresh", 1, 0.25),
        against("hallpass/header", "cf-gears/header", 1, 0.15),
        reqwest(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
