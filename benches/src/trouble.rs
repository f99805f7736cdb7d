//! Two and a half minutes of trouble: what callers notice of it, whoever keeps their token.
//!
//! ```text
//! program: events in slots ──▶ play ──▶ tally: counts of each event ──▶ report: print, JSON, …
//!                               │ traffic: 50 GETs and 5 POSTs a second, each waits for 5 s
//! contender ◀───────────────────┤
//!     └──▶ server (a thread of its own) ◀── stage: tokens, and what is wrong with them
//! ```
//!
//! Each contender has a server, a client and threads of its own, and all play at once. What begins
//! at a token's age begins at the age of the contender's own newest token, so that luck decides
//! nothing; what counts are calls and requests, which a busy machine does not change.

mod by_hand;
mod contender;
mod fixed;
mod hallpass;
mod play;
mod program;
mod pulse;
mod report;
mod server;
mod stage;
mod tally;
mod traffic;
mod wanted;

pub use self::{
    contender::{BoxError, Call, Client, Contender, Place, Start, client, tower},
    play::{Recording, play},
    program::{Event, PATIENCE, Program, Trouble},
    tally::{Counts, Tally, tally},
};

use std::{thread, time::Duration};

use crate::{machine, options::Options, targets};

/// So long after one contender the next one begins, for cold starts not to disturb each other.
const STAGGER: Duration = Duration::from_secs(2);
/// Token ages, in seconds, at which `--late` has the 503, the hang and the 429 begin.
const LATE: &str = "3,6,8";

/// The project's own contenders, those by hand, and the control.
pub fn contenders() -> Vec<Contender> {
    vec![
        fixed::contender(),
        hallpass::tower(),
        hallpass::reqwest(),
        by_hand::with_a_retry(),
        by_hand::plain(),
    ]
}

/// Plays, prints, and writes the files that are asked for.
///
/// # Errors
/// If the arguments are wrong, or a file can't be written.
#[allow(clippy::print_stdout, reason = "for command-line tools")]
pub fn main(contenders: &[Contender]) -> Result<(), String> {
    let options = Options::of_process(&[
        "--ages",
        "--late",
        "--short",
        "--only",
        "--contender",
        "--in-turn",
        "--json",
        "--markdown",
        "--svg",
    ])?;
    let program = program(&options)?;
    let wanted = options.text("--contender").unwrap_or_default();
    let chosen: Vec<&Contender> = contenders
        .iter()
        .filter(|contender| contender.name().contains(wanted))
        .collect();
    let machine = machine::line();
    println!("{machine}\n{}\n\n{program}", report::LEGEND);
    let all = run(&program, &chosen, options.has("--in-turn"));
    for outcome in &all {
        report::print(outcome);
    }
    targets::print(&wanted::targets(&program, &all));
    if let Some(busy) = report::busy(&all) {
        println!("{busy}");
    }
    if let Some(file) = options.text("--json") {
        write(file, &format!("{:#}\n", report::json(&program, &all)))?;
    }
    if let Some(file) = options.text("--markdown") {
        write(file, &report::markdown(&machine, &program, &all))?;
    }
    if let Some(file) = options.text("--svg") {
        report::svg(file, &machine, &program, &all)?;
    }
    Ok(())
}

fn program(options: &Options) -> Result<Program, String> {
    let program = if options.has("--short") {
        Program::short()
    } else {
        Program::whole()
    };
    let program = match options.text("--only") {
        Some(name) => program.only(name)?,
        None => program,
    };
    let late = options.has("--late").then_some(LATE);
    let Some(ages) = options.text("--ages").or(late) else {
        return Ok(program);
    };
    let age = |text: &str| text.parse().ok().map(Duration::from_secs);
    let ages: Option<Vec<Duration>> = ages.split(',').map(age).collect();
    match ages.as_deref() {
        Some([one]) => Ok(program.at_ages([*one; 3])),
        Some([unavailable, hang, busy]) => Ok(program.at_ages([*unavailable, *hang, *busy])),
        _ => Err("--ages takes one number of seconds, or three with commas between".to_owned()),
    }
}

/// A contender's tally, or why it could not be set up.
#[derive(Debug)]
pub struct Outcome {
    /// The contender.
    pub name: &'static str,
    /// What it came to.
    pub tally: Result<Tally, String>,
}

/// All contenders; at once, unless it is asked for otherwise.
fn run(program: &Program, contenders: &[&Contender], in_turn: bool) -> Vec<Outcome> {
    thread::scope(|scope| {
        let mut started = vec![];
        for contender in contenders {
            let thread = scope.spawn(move || play(contender, program).map(|all| tally(&all)));
            thread::sleep(STAGGER);
            while in_turn && !thread.is_finished() {
                thread::sleep(STAGGER);
            }
            started.push((contender.name(), thread));
        }
        started
            .into_iter()
            .map(|(name, thread)| Outcome {
                name,
                tally: thread
                    .join()
                    .unwrap_or_else(|_| Err("it panicked".to_owned())),
            })
            .collect()
    })
}

fn write(file: &str, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| format!("{file}: {error}"))
}
