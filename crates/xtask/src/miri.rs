//! `cargo xtask miri`: the tests of what computes, under an interpreter that knows what is undefined.

use std::process::Command;

use crate::run::{root, step, target};

/// What neither opens a socket nor takes hours there: the parsers, the verdict, origins, clocks, and
/// the state machine without its storms.
const TESTS: [&str; 9] = [
    "challenge::",
    "origin::",
    "verdict::",
    "identity::",
    "retry_after::",
    "clock::",
    "cached::state::tests::times",
    "cached::state::tests::refused",
    "cached::state::tests::brought",
];

pub(crate) fn run() -> Result<(), String> {
    let mut install = rustup(&["component", "add", "miri", "rust-src"]);
    step("installing miri", install.args(["--toolchain", "nightly"]))?;
    let mut test = rustup(&["run", "nightly", "cargo", "miri", "test"]);
    test.args(["--package", "hallpass-core", "--lib", "--target-dir"])
        .arg(target()?.join("miri"))
        .arg("--")
        .args(TESTS)
        // The clocks are the machine's.
        .env("MIRIFLAGS", "-Zmiri-disable-isolation");
    step("miri", &mut test)
}

fn rustup(words: &[&str]) -> Command {
    let mut rustup = Command::new("rustup");
    rustup
        .args(words)
        .current_dir(root())
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN");
    rustup
}
