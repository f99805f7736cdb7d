//! Fifty processes, one Redis and one authorization server: what a fleet costs its issuer, and what it
//! does when something fails.
//!
//! ```sh
//! cargo run --example fleet            # needs a redis-server on the path
//! cargo run --example fleet -- 10     # with ten processes
//! cargo run --example fleet -- lifetimes  # ten lifetimes in which nothing goes wrong
//! ```
//!
//! Each process is this program again. It calls the API four times a second, and shares its token with
//! the others. The first process revokes tokens, kills and stops whoever fetches, and stops and
//! empties Redis. It prints what comes of it, and ends with `ok: … 0 failed`.
#![allow(clippy::print_stdout, reason = "an example")]

mod acts;
mod fleet;
mod redis_server;
mod replica;
mod stage;

use std::process::ExitCode;

use hallpass::BoxError;

fn main() -> ExitCode {
    let ended = match replica::Settings::from_environment() {
        Some(settings) => replica::run(&settings),
        None => direct(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn direct() -> Result<(), BoxError> {
    let mut count = 50;
    let mut quiet = false;
    for argument in std::env::args().skip(1) {
        match &*argument {
            "lifetimes" => quiet = true,
            number => count = number.parse()?,
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        if quiet {
            acts::lifetimes(count).await
        } else {
            acts::troubles(count).await
        }
    })
}
