//! The command line of Hallpass: `hallpass token`, `call`, `doctor`, `profiles`, `proxy` and
//! `completions`.
//!
//! `args.rs` reads the command line, `find.rs` and `target.rs` find out which client is meant, and
//! each command has a module of its own.

#![allow(
    clippy::doc_markdown,
    reason = "the comments on arguments are the help, which is shown as it stands"
)]

mod args;
mod cache;
mod call;
mod doctor;
mod duration;
mod exit;
mod find;
mod log;
mod output;
mod profiles;
mod progress;
mod proxy;
mod target;
mod token;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::{
    args::{Cli, Command},
    exit::{Exit, Failure},
};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no mistakes, and go to standard output.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Configuration.into()
            } else {
                Exit::Done.into()
            };
        }
    };
    log::start(cli.verbose);
    match run(cli).await {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                output::note(&format!("hallpass: {}", failure.message));
            }
            failure.exit.into()
        }
    }
}

async fn run(cli: Cli) -> Result<Exit, Failure> {
    match cli.command {
        Command::Token(args) => token::run(*args).await,
        Command::Call(args) => call::run(*args).await,
        Command::Doctor(args) => doctor::run(*args).await,
        Command::Profiles { command } => profiles::run(&command),
        Command::Proxy(args) => proxy::run(*args).await,
        Command::Completions { shell } => completions(shell),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hallpass", &mut script);
    output::text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
