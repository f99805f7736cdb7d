//! `cargo xtask simulate`: the simulations at full length, an hour of trouble each, and their table;
//! and a million requests of two hundred tenants.

use crate::run::{cargo, step};

pub(crate) fn run() -> Result<(), String> {
    step(
        "simulations",
        &mut cargo(&[
            "test",
            "--release",
            "--package",
            "hallpass-conformance",
            "--test",
            "simulations",
            "--test",
            "tenants",
            "--",
            "--include-ignored",
            "--nocapture",
        ]),
    )
}
