//! The real servers: installs what they need below the target directory, then runs the suite.

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

use crate::{
    apt::{self, is_installed, path},
    install::{self, once, tool},
    run::{cargo, root, step, target},
};

/// Leaves servers out, for machines that can't have them.
const WITHOUT: &str = "HALLPASS_INTEROP_WITHOUT";

const SERVERS: [&str; 8] = [
    "authlib",
    "glewlwyd",
    "grpcio",
    "huskarl",
    "nginx",
    "node-oauth",
    "oidc-provider",
    "vault",
];

/// Most tests wait most of the time.
const TEST_THREADS: &str = "8";

/// glewlwyd's tables, which systems that drop documentation don't have.
const GLEWLWYD_TABLES: &str = "/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz";

pub(crate) fn run() -> Result<(), String> {
    if !cfg!(unix) {
        return Err("the real servers run on Linux and macOS only".to_owned());
    }
    let without = left_out()?;
    let folder = target()?.join("interop");
    let scripts = folder.join("servers");
    copy_scripts(&scripts)?;
    // What a run that was killed has left.
    drop(fs::remove_dir_all(folder.join("run")));
    let wanted = "the real servers";
    install::python(wanted, &folder, &scripts.join("requirements.txt"))?;
    if !(without.contains("node-oauth") && without.contains("oidc-provider")) {
        node(&scripts)?;
    }
    debian(&without)?;
    if !(without.contains("huskarl") || without.contains("oidc-provider")) {
        huskarl(&folder)?;
    }

    step(
        "the command line",
        &mut cargo(&["build", "--quiet", "--package", "hallpass-cli"]),
    )?;
    let mut command = cargo(&[
        "test",
        "--package",
        "hallpass-interop",
        "--features",
        "real-servers",
        "--",
        "--test-threads",
        TEST_THREADS,
    ]);
    for server in &without {
        // Tests are named after the server that they need.
        command.args(["--skip", &server.replace('-', "_")]);
    }
    step(
        "real servers",
        command
            .env("HALLPASS_INTEROP_DIR", &folder)
            .env("HALLPASS_PROGRAM", target()?.join("debug/hallpass"))
            .env("PATH", path()?),
    )?;
    warn_of(&without);
    Ok(())
}

fn left_out() -> Result<BTreeSet<&'static str>, String> {
    let list = env::var(WITHOUT).unwrap_or_default();
    let mut without = BTreeSet::new();
    for name in list
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        let known = SERVERS.iter().find(|server| **server == name);
        without.insert(*known.ok_or_else(|| {
            format!(
                "{WITHOUT} names {name:?}; it may name {}",
                SERVERS.join(", ")
            )
        })?);
    }
    // nginx stands before it.
    if without.contains("oidc-provider") {
        without.insert("nginx");
    }
    warn_of(&without);
    Ok(without)
}

fn warn_of(without: &BTreeSet<&str>) {
    if !without.is_empty() {
        let names: Vec<_> = without.iter().copied().collect();
        println!(
            "\n!! NOT PROVEN: {WITHOUT} leaves out {}\n",
            names.join(", ")
        );
    }
}

/// Node looks for modules beside the script, and Python leaves files there.
fn copy_scripts(to: &Path) -> Result<(), String> {
    let from = root().join("crates/hallpass-interop/servers");
    let failed = |error| format!("{}: {error}", from.display());
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(&from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).map_err(failed)?;
        }
    }
    Ok(())
}

fn node(scripts: &Path) -> Result<(), String> {
    let wanted = "the real servers";
    let otherwise =
        |error| format!("{error}, or leave servers out: {WITHOUT}=node-oauth,oidc-provider");
    let version = tool(wanted, "node", "Node.js 20.12 or newer, with npm").map_err(otherwise)?;
    let major = version.trim_start_matches('v').split('.').next();
    if major.and_then(|major| major.parse::<u32>().ok()) < Some(20) {
        return Err(format!(
            "node is {version}, and the servers need Node.js 20.12 or newer: https://nodejs.org"
        ));
    }
    // Debian's nodejs comes without it.
    tool(wanted, "npm", "npm beside Node.js").map_err(otherwise)?;
    let list = scripts.join("package.json");
    once(&scripts.join("node.installed"), &version, &list, || {
        step(
            "npm packages",
            Command::new("npm")
                .args(["install", "--no-package-lock", "--no-audit", "--no-fund"])
                .current_dir(scripts),
        )
    })
}

/// An API by somebody else's crate, which stands apart from this workspace.
fn huskarl(folder: &Path) -> Result<(), String> {
    let manifest = root().join("crates/hallpass-interop/huskarl/Cargo.toml");
    let mut build = cargo(&["build", "--quiet", "--manifest-path"]);
    build
        .arg(manifest)
        .arg("--target-dir")
        .arg(folder.join("huskarl"));
    step("an API by huskarl", &mut build)
        .map_err(|error| format!("{error}, or leave it out: {WITHOUT}=huskarl"))
}

fn debian(without: &BTreeSet<&str>) -> Result<(), String> {
    let packages = [("glewlwyd", "glewlwyd"), ("nginx", "nginx-light")];
    let missing: Vec<&str> = packages
        .into_iter()
        .filter(|(program, _)| !without.contains(program) && !is_installed(program))
        .map(|(_, package)| package)
        .collect();
    if missing.is_empty() {
        return tables(without);
    }
    apt::install(
        &missing,
        &format!("or leave servers out: {WITHOUT}=glewlwyd,nginx"),
    )?;
    tables(without)
}

fn tables(without: &BTreeSet<&str>) -> Result<(), String> {
    if without.contains("glewlwyd") || Path::new(GLEWLWYD_TABLES).exists() {
        return Ok(());
    }
    Err(format!(
        "glewlwyd is installed without {GLEWLWYD_TABLES}: this system drops documentation (see /etc/dpkg/dpkg.cfg.d). Allow that file and reinstall glewlwyd, or leave it out: {WITHOUT}=glewlwyd"
    ))
}
