//! `cargo xtask soak`: a long mixed load with random trouble.

use crate::{
    apt::path,
    run::{cargo, step},
    stores,
};

/// How long it takes unless `--minutes` says otherwise.
const MINUTES: u64 = 10;

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let usage = "soak takes --minutes and --seed, each with a whole number, or nothing";
    let (mut minutes, mut seed) = (MINUTES, None);
    for option in arguments.chunks(2) {
        let [name, value] = option else {
            return Err(usage.to_owned());
        };
        let value: u64 = value.parse().map_err(|_| usage)?;
        match name.as_str() {
            "--minutes" if value > 0 => minutes = value,
            "--seed" => seed = Some(value),
            _ => return Err(usage.to_owned()),
        }
    }
    stores::install()?;
    let mut soak = cargo(&["test", "--package", "hallpass-conformance"]);
    soak.args(["--test", "soak", "--", "--nocapture"])
        .env("PATH", path()?)
        .env("HALLPASS_SOAK_SECONDS", (60 * minutes).to_string());
    if let Some(seed) = seed {
        soak.env("HALLPASS_SOAK_SEED", seed.to_string());
    }
    step(&format!("soak, {minutes} min"), &mut soak)
}
