//! `cargo xtask test`: the steps in the order in which they fail soonest.

use crate::{
    apt, claims, docs, external_types, interop, locked, minimal, msrv, packages,
    run::{cargo, output, step},
    stores, supply_chain,
};

/// Each feature of the façade alone, and none: features must only add items.
const FEATURES: [&str; 14] = [
    "",
    "oauth2",
    "tower",
    "hyper",
    "config",
    "reqwest",
    "reqwest-without-tls",
    "tonic",
    "shared",
    "redis",
    "exec",
    "encrypted-keys",
    "metrics",
    "opentelemetry",
];

pub(crate) fn all() -> Result<(), String> {
    step("formatting", &mut cargo(&["fmt", "--all", "--check"]))?;
    claims::check()?;
    locked::check()?;
    msrv::check()?;
    docs::check()?;
    supply_chain::offline()?;
    packages::check()?;
    step(
        "lints",
        &mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    for feature in FEATURES {
        step(
            &format!(
                "features: {}",
                if feature.is_empty() { "none" } else { feature }
            ),
            &mut cargo(&[
                "clippy",
                "--package",
                "hallpass",
                "--no-default-features",
                "--features",
                feature,
                "--",
                "-D",
                "warnings",
            ]),
        )?;
    }
    step(
        "documentation",
        cargo(&["doc", "--workspace", "--no-deps", "--all-features"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    docs::rendered()?;
    external_types::check()?;
    stores::install()?;
    step(
        "tests",
        cargo(&[
            "test",
            "--workspace",
            "--all-features",
            // Its servers are installed and found by the step below.
            "--exclude",
            "hallpass-interop",
        ])
        .env("PATH", apt::path()?),
    )?;
    // A release build reads the time another way.
    step(
        "tests of the engine, released",
        &mut cargo(&["test", "--release", "--package", "hallpass-core"]),
    )?;
    minimal::check()?;
    quickstart()?;
    stores::fleet()?;
    interop::run()?;
    println!("\nall passed");
    Ok(())
}

/// The example that a newcomer runs first must end as the README says.
fn quickstart() -> Result<(), String> {
    let printed = output(
        "quickstart",
        &mut cargo(&["run", "--quiet", "--example", "quickstart"]),
    )?;
    print!("\n== quickstart\n{printed}");
    let last = printed.lines().last().unwrap_or_default();
    if last.starts_with("ok: 5 systems, ") && last.ends_with(" 0 failed") {
        Ok(())
    } else {
        Err(format!("quickstart: the last line is {last:?}"))
    }
}
