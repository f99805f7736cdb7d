//! `cargo xtask stress`: the engine's stress test for longer than `cargo xtask test` gives it, and
//! built as users build.

use crate::run::{cargo, step};

/// How long it takes unless `--seconds` says otherwise.
const SECONDS: u64 = 60;

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let usage = "stress takes --seconds and a whole number from 1 on, or nothing";
    let seconds = match arguments {
        [] => SECONDS,
        [option, seconds] if option == "--seconds" => seconds
            .parse()
            .ok()
            .filter(|seconds| *seconds > 0)
            .ok_or(usage)?,
        _ => return Err(usage.to_owned()),
    };
    step(
        &format!("stress, {seconds} s"),
        cargo(&["test", "--release", "--package", "hallpass-core"])
            .args(["--test", "stress", "--", "--nocapture"])
            .env("HALLPASS_STRESS_SECONDS", seconds.to_string()),
    )
}
