//! `cargo xtask faults`: the matrix of faults, with times.

use crate::run::{cargo, step};

pub(crate) fn run() -> Result<(), String> {
    step(
        "faults",
        &mut cargo(&[
            "test",
            "--package",
            "hallpass-conformance",
            "--test",
            "faults",
            "--",
            "--nocapture",
        ]),
    )
}
