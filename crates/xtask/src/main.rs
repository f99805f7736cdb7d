//! The project's own commands: `cargo xtask test` runs everything that must pass.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

mod interop;
mod msrv;
mod run;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test      formatting, lints, docs, tests, examples, and the real servers
cargo xtask interop   only the real servers
cargo xtask msrv      only: no dependency wants a newer Rust than the crate that needs it";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let outcome = match command.as_deref() {
        Some("test") => test::all(),
        Some("interop") => interop::run(),
        Some("msrv") => msrv::check(),
        _ => Err(HELP.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
