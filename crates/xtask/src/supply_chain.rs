//! What the crates are built with: licences, sources, banned crates, and known vulnerabilities.

use crate::{run::step, tools};

/// All that needs no network; part of `cargo xtask test`.
pub(crate) fn offline() -> Result<(), String> {
    let mut deny = tools::tool("cargo-deny")?;
    deny.args(["--offline", "--all-features", "check"]);
    step(
        "dependencies: bans, licences, sources",
        deny.args(["bans", "licenses", "sources"]),
    )
}

/// Also what `RustSec` knows of them, whose database is fetched from GitHub.
pub(crate) fn all() -> Result<(), String> {
    offline()?;
    let mut deny = tools::tool("cargo-deny")?;
    deny.args(["--all-features", "check", "advisories"]);
    step("dependencies: advisories", &mut deny)
}
