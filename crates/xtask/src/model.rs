//! `cargo xtask model`: the engine's shell under a model checker, which plays scenes of two and three
//! threads in every order of their steps.

use crate::{
    options::seconds,
    run::{cargo, step, target},
};

/// How long each scene may take unless `--seconds` says otherwise. Most are through long before.
const SECONDS: u64 = 30;

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let seconds = seconds("model", arguments, SECONDS)?;
    let mut test = cargo(&["test", "--package", "hallpass-core", "--lib"]);
    // Apart, because the flag makes everything be built again.
    test.args(["--target-dir"]).arg(target()?.join("model"));
    test.args(["--", "cached::model", "--nocapture", "--test-threads", "1"])
        .env("RUSTFLAGS", "--cfg hallpass_model")
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
        .env("HALLPASS_MODEL_SECONDS", seconds.to_string());
    step("model", &mut test)
}
