//! Calls an endpoint with a credential that is kept fresh, and tells each call's story in JSON.
//!
//! ```text
//! export ATLAR_SECRET=…
//! cargo run --example call -- --profile atlar --client-id "$ATLAR_ACCESS_KEY" \
//!     --client-secret-env ATLAR_SECRET https://api.atlar.com/financial-data/v2/accounts
//! ```
//!
//! `stack.rs` is what a program of your own would hold: a profile, a source, the layer over a
//! client. `args.rs` reads the command line, `run.rs` keeps the calls going, `report.rs` prints.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what it prints is the example's purpose"
)]

mod args;
mod report;
mod run;
mod stack;

use std::process::ExitCode;

use crate::{
    args::{Args, Asked},
    report::Report,
    stack::Stack,
};

/// The exit status for arguments that are wrong, as shells and most tools have it.
const USAGE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::parse(lexopt::Parser::from_env()) {
        Ok(Asked::Calls(args)) => args,
        Ok(Asked::Help) => return print_help(),
        Err(sentence) => return refuse(&sentence),
    };
    let stack = match Stack::new(&args) {
        Ok(stack) => stack,
        Err(sentence) => return refuse(&sentence),
    };
    let mut report = Report::new(std::io::stdout());
    let outcome = run::all(&args, &stack, &mut report).await;
    let outcome = outcome.and_then(|()| report.totals(&stack.cached.stats()));
    match outcome {
        Ok(()) => {}
        // Whoever was reading has read enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        Err(error) => {
            eprintln!("call: ended early: {error}");
            return ExitCode::FAILURE;
        }
    }
    if report.failures() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn print_help() -> ExitCode {
    use std::io::Write as _;
    // Not println!: a pager that closes early is no reason to panic.
    let _ = std::io::stdout().write_all(args::help().as_bytes());
    ExitCode::SUCCESS
}

fn refuse(sentence: &str) -> ExitCode {
    eprintln!(
        "call: {sentence}\n\n{}\n\n--help tells more.",
        args::usage()
    );
    ExitCode::from(USAGE)
}
