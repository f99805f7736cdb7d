//! Running an example as a user does: as a program of its own.

#![allow(
    clippy::unwrap_used,
    reason = "clippy sees tests in functions marked as such, and not in those that help them"
)]

use std::{
    path::PathBuf,
    process::{Command, Output},
};

/// The program of an example, which cargo has built beside the tests.
pub(crate) fn example(name: &str) -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.push("examples");
    path.push(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.exists(),
        "{} is missing: `cargo test -p hallpass-examples` builds it, `--test` alone does not",
        path.display()
    );
    Command::new(path)
}

/// Runs it to its end beside the server, which needs the runtime meanwhile.
pub(crate) async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}
