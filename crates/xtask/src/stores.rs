//! The stores that fleets share: their servers, and the example that runs many processes.

use crate::{
    apt::{self, is_installed, path},
    run::{cargo, output, step},
};

/// Installs the servers that the stores' tests start. The tests themselves say which one is missing,
/// so that none is left out in silence.
pub(crate) fn install() -> Result<(), String> {
    let mut missing = Vec::new();
    if !is_installed("redis-server") {
        missing.push("redis-server");
    }
    // Debian keeps the server off the path, beside each version's own programs.
    let debian = std::fs::read_dir("/usr/lib/postgresql").is_ok_and(|mut all| all.next().is_some());
    if !debian && !is_installed("postgres") {
        missing.push("postgresql");
    }
    if missing.is_empty() {
        return Ok(());
    }
    apt::install(&missing, "or put the servers' programs on the path")
}

pub(crate) fn run() -> Result<(), String> {
    install()?;
    step(
        "shared stores",
        cargo(&[
            "test",
            "--package",
            "hallpass-shared",
            "--package",
            "hallpass-redis",
            "--package",
            "hallpass-postgres",
            "--all-features",
        ])
        .env("PATH", path()?),
    )?;
    step(
        "a hundred replicas and ten thousand tenants",
        &mut cargo(&[
            "test",
            "--release",
            "--package",
            "hallpass-shared",
            "--test",
            "fleet",
            "--",
            "--include-ignored",
        ]),
    )?;
    step(
        "Redis killed for a minute",
        cargo(&[
            "test",
            "--package",
            "hallpass-redis",
            "--all-features",
            "--test",
            "trouble",
            "--",
            "--ignored",
            "--nocapture",
        ])
        .env("PATH", path()?),
    )?;
    fleet()?;
    lifetimes()
}

/// Fifty processes, one Redis and one authorization server must end as the example says.
pub(crate) fn fleet() -> Result<(), String> {
    play(&[])
}

/// The same processes for ten lifetimes: a token request for each, and no call that waits.
pub(crate) fn lifetimes() -> Result<(), String> {
    install()?;
    play(&["--", "lifetimes"])
}

fn play(arguments: &[&str]) -> Result<(), String> {
    let printed = output(
        "fleet",
        cargo(&["run", "--quiet", "--example", "fleet"])
            .args(arguments)
            .env("PATH", path()?),
    )?;
    print!("\n== fleet\n{printed}");
    let last = printed.lines().last().unwrap_or_default();
    if last.starts_with("ok: ") && last.ends_with(" 0 failed") {
        Ok(())
    } else {
        Err(format!("fleet: the last line is {last:?}"))
    }
}
