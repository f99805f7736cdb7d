//! What it came to: printed, as Markdown, as JSON, as a plot.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Outcome,
    program::Program,
    tally::{Counts, Tally},
};
use crate::plot::{self, Band, Strip};

/// What the columns need to be read right.
pub(super) const LEGEND: &str = "\
failed: calls that did not end with 200 before their caller gave up; in brackets how many nobody
could have served: they came after the last token's end, and gave up before the token endpoint was
back. twice: POSTs that the API did more than once. tokens: requests at the token endpoint, and at
most how many within a second. waited: calls that took over 50 ms, and that much longer than calls
without a token did meanwhile. outage: the longest time from a failed call to the next good one.
back: from the trouble's end to the last call that failed. bad: calls to the endpoint that refuses
everybody, and how many got its 401.";

const HEADS: [&str; 12] = [
    "event",
    "calls",
    "failed",
    "twice",
    "tokens",
    "waited",
    "p50, ms",
    "p99, ms",
    "p99.9, ms",
    "outage, s",
    "back, s",
    "bad",
];

/// Prints one contender for a terminal.
#[allow(clippy::print_stdout, reason = "for command-line tools")]
pub(super) fn print(outcome: &Outcome) {
    let tally = match &outcome.tally {
        Ok(tally) => tally,
        Err(why) => {
            println!("\n{}: {why}", outcome.name);
            return;
        }
    };
    let line = |cells: &[String]| {
        let cells = cells.iter().zip(HEADS).map(|(cell, head)| {
            let width = head.chars().count().max(9) + 1;
            if head == HEADS[0] {
                format!("  {cell:<14}")
            } else {
                format!("{cell:>width$}")
            }
        });
        println!("{}", cells.collect::<String>());
    };
    println!("\n{}", outcome.name);
    line(&HEADS.map(str::to_owned));
    for counts in &tally.events {
        line(&cells(counts));
    }
    line(&whole(tally));
    for counts in &tally.events {
        if let Some((reason, count)) = &counts.reason {
            println!("  {}: {count} × {reason}", counts.name);
        }
    }
}

/// A line if the machine was too busy for the counts to be trusted.
pub(super) fn busy(all: &[Outcome]) -> Option<String> {
    let tallies = all.iter().filter_map(|outcome| outcome.tally.as_ref().ok());
    let machine = tallies
        .filter(|tally| tally.is_busy())
        .map(|tally| tally.machine);
    let slowest = machine.max()?.as_millis();
    Some(format!(
        "\nTHE MACHINE IS BUSY: of calls without a token one in twenty took {slowest} ms and more. Measure again."
    ))
}

fn cells(counts: &Counts) -> [String; 12] {
    let [p50, p99, p999] = counts
        .latencies
        .map(|latency| format!("{:.1}", latency.as_secs_f64() * 1e3));
    let seconds = |time: Duration| format!("{:.1}", time.as_secs_f64());
    let (bad, refused) = counts.bad;
    [
        counts.name.to_owned(),
        counts.calls.to_string(),
        match counts.unavoidable {
            0 => counts.failed.to_string(),
            unavoidable => format!("{} ({unavoidable})", counts.failed),
        },
        counts.duplicated.to_string(),
        format!("{}, {}/s", counts.token_requests, counts.burst),
        counts.slow.to_string(),
        p50,
        p99,
        p999,
        seconds(counts.outage),
        counts.recovery.map_or("never".to_owned(), seconds),
        if bad == 0 {
            String::new()
        } else {
            format!("{bad}, {refused}")
        },
    ]
}

fn whole(tally: &Tally) -> [String; 12] {
    let burst = tally.events.iter().map(|counts| counts.burst).max();
    let mut cells: [String; 12] = Default::default();
    "all".clone_into(&mut cells[0]);
    cells[1] = tally.sum(|counts| counts.calls).to_string();
    cells[2] = tally.sum(|counts| counts.failed).to_string();
    cells[3] = tally.sum(|counts| counts.duplicated).to_string();
    cells[4] = format!(
        "{}, {}/s",
        tally.sum(|counts| counts.token_requests),
        burst.unwrap_or_default()
    );
    cells[5] = tally.sum(|counts| counts.slow).to_string();
    cells
}

/// A page: who lost how many calls in which event, and then all that was counted.
pub(super) fn markdown(machine: &str, program: &Program, all: &[Outcome]) -> String {
    let mut lines = vec![
        "# What callers notice of trouble".to_owned(),
        format!("\n{machine}, `cargo xtask trouble`"),
        format!("\n{}", LEGEND.replace('\n', " ")),
    ];
    lines.push(format!("\n{program}.\n\nCalls that failed:\n"));
    lines.extend(failures(program, all));
    for outcome in all {
        lines.push(format!("\n## {}\n", outcome.name));
        match &outcome.tally {
            Ok(tally) => lines.extend(details(tally)),
            Err(why) => lines.push(why.clone()),
        }
    }
    lines.extend(busy(all));
    lines.join("\n") + "\n"
}

fn failures(program: &Program, all: &[Outcome]) -> Vec<String> {
    let events = program.events.iter().map(|event| event.name);
    let heads: Vec<&str> = events
        .chain([
            "all",
            "of calls",
            "POSTs done twice",
            "token requests",
            "calls that waited",
        ])
        .collect();
    let mut lines = head("", &heads);
    for outcome in all {
        let cells = match &outcome.tally {
            Ok(tally) => {
                let failed = tally.events.iter().map(|counts| counts.failed);
                let [_, calls, failed_in_all, twice, tokens, slow, ..] = whole(tally);
                failed
                    .map(|failed| failed.to_string())
                    .chain([failed_in_all, calls, twice, tokens, slow])
                    .collect::<Vec<String>>()
                    .join(" | ")
            }
            Err(why) => format!("{why} |{}", " |".repeat(heads.len() - 1)),
        };
        lines.push(format!("| {} | {cells} |", outcome.name));
    }
    lines
}

fn details(tally: &Tally) -> Vec<String> {
    let mut lines = head(HEADS[0], &HEADS[1..]);
    let rows = tally.events.iter().map(cells).chain([whole(tally)]);
    lines.extend(rows.map(|cells| format!("| {} |", cells.join(" | "))));
    lines
}

fn head(first: &str, others: &[&str]) -> Vec<String> {
    vec![
        format!("| {first} | {} |", others.join(" | ")),
        format!("|---|{}", "---:|".repeat(others.len())),
    ]
}

/// The same for other programs.
pub(super) fn json(program: &Program, all: &[Outcome]) -> Value {
    let seconds = |time: Duration| time.as_secs_f64();
    let event = |counts: &Counts| {
        json!({
            "event": counts.name,
            "calls": counts.calls,
            "failed": counts.failed,
            "reason": counts.reason.as_ref().map(|(reason, _)| reason),
            "unavoidable": counts.unavoidable,
            "duplicated_posts": counts.duplicated,
            "token_requests": counts.token_requests,
            "token_requests_in_a_second": counts.burst,
            "slow": counts.slow,
            "latencies_s": counts.latencies.map(seconds),
            "outage_s": seconds(counts.outage),
            "recovery_s": counts.recovery.map(seconds),
            "bad_calls": counts.bad.0,
            "bad_calls_with_401": counts.bad.1,
        })
    };
    let outcome = |outcome: &Outcome| match &outcome.tally {
        Ok(tally) => json!({
            "name": outcome.name,
            "events": tally.events.iter().map(event).collect::<Value>(),
        }),
        Err(why) => json!({"name": outcome.name, "missing": why}),
    };
    json!({
        "program": program.to_string(),
        "contenders": all.iter().map(outcome).collect::<Value>(),
    })
}

/// Draws a strip for each contender: a second is as red as many of its calls failed.
pub(super) fn svg(
    file: &str,
    machine: &str,
    program: &Program,
    all: &[Outcome],
) -> Result<(), String> {
    let bands: Vec<Band> = program
        .events
        .iter()
        .zip(program.begins())
        .map(|(event, begin)| Band {
            name: event.name,
            begin: begin.as_secs_f64(),
            end: (begin + event.slot()).as_secs_f64(),
        })
        .collect();
    let strips: Vec<Strip<'_>> = all
        .iter()
        .filter_map(|outcome| {
            let tally = outcome.tally.as_ref().ok()?;
            let failed = tally.sum(|counts| counts.failed);
            Some(Strip {
                name: outcome.name,
                seconds: &tally.seconds,
                label: format!("{failed} failed"),
            })
        })
        .collect();
    let title = "calls in trouble, second by second (red: failed, yellow: waited for a token)";
    plot::strips(file, title, machine, &bands, &strips)
}
