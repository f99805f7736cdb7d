//! `cargo xtask stress`: the engine's stress test for longer than `cargo xtask test` gives it, and
//! built as users build.

use crate::{
    options::seconds,
    run::{cargo, step},
};

/// How long it takes unless `--seconds` says otherwise.
const SECONDS: u64 = 60;

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let seconds = seconds("stress", arguments, SECONDS)?;
    step(
        &format!("stress, {seconds} s"),
        cargo(&["test", "--release", "--package", "hallpass-core"])
            .args(["--test", "stress", "--", "--nocapture"])
            .env("HALLPASS_STRESS_SECONDS", seconds.to_string()),
    )
}
