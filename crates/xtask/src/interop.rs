//! The real servers: installs what they need below the target directory, then runs the suite.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    apt::{self, is_installed, path},
    run::{cargo, output, root, step},
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
    python(&folder, &scripts)?;
    if !(without.contains("node-oauth") && without.contains("oidc-provider")) {
        node(&scripts)?;
    }
    debian(&without)?;
    if !(without.contains("huskarl") || without.contains("oidc-provider")) {
        huskarl(&folder)?;
    }

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

fn target() -> Result<PathBuf, String> {
    let metadata = output(
        "metadata",
        &mut cargo(&["metadata", "--format-version", "1", "--no-deps"]),
    )?;
    let metadata: Value =
        serde_json::from_str(&metadata).map_err(|error| format!("metadata: {error}"))?;
    match metadata["target_directory"].as_str() {
        Some(folder) => Ok(folder.into()),
        None => Err("metadata: no target_directory".to_owned()),
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

fn python(folder: &Path, scripts: &Path) -> Result<(), String> {
    let version = tool("python3", "Python 3.10 or newer")?;
    let mut numbers = version.trim_start_matches("Python ").split('.');
    let mut number = || numbers.next().and_then(|number| number.parse::<u32>().ok());
    if (number(), number()) < (Some(3), Some(10)) {
        return Err(format!(
            "python3 is {version}, and the servers need Python 3.10 or newer: https://www.python.org"
        ));
    }
    let venv = folder.join("venv");
    let list = scripts.join("requirements.txt");
    once(&folder.join("venv.installed"), &version, &list, || {
        // One that is half there, or of another Python, is of no use.
        if venv.exists() {
            fs::remove_dir_all(&venv).map_err(|error| format!("{}: {error}", venv.display()))?;
        }
        // Debian keeps the second one, which puts pip there, in a package of its own.
        let mut modules = Command::new("python3");
        modules.args(["-c", "import venv, ensurepip"]);
        if output("python3", &mut modules).is_err() {
            apt::install(
                &["python3-venv"],
                "or put a python3 on the path that has the modules venv and ensurepip",
            )?;
        }
        step(
            "Python environment",
            Command::new("python3").args(["-m", "venv"]).arg(&venv),
        )?;
        step(
            "Python packages",
            Command::new(venv.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "--requirement"])
                .arg(&list),
        )
    })
}

fn node(scripts: &Path) -> Result<(), String> {
    let otherwise =
        |error| format!("{error}, or leave servers out: {WITHOUT}=node-oauth,oidc-provider");
    let version = tool("node", "Node.js 20.12 or newer, with npm").map_err(otherwise)?;
    let major = version.trim_start_matches('v').split('.').next();
    if major.and_then(|major| major.parse::<u32>().ok()) < Some(20) {
        return Err(format!(
            "node is {version}, and the servers need Node.js 20.12 or newer: https://nodejs.org"
        ));
    }
    // Debian's nodejs comes without it.
    tool("npm", "npm beside Node.js").map_err(otherwise)?;
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

/// The version that a tool says it is.
fn tool(name: &str, what: &str) -> Result<String, String> {
    match output(name, Command::new(name).arg("--version")) {
        Ok(version) => Ok(version.trim().to_owned()),
        Err(error) => Err(format!(
            "the real servers need {what}, and {name} can't be run ({}): install it",
            error.trim()
        )),
    }
}

/// Installs unless this list was installed with this version of the tool before.
fn once(
    note: &Path,
    version: &str,
    list: &Path,
    install: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let wanted =
        fs::read_to_string(list).map_err(|error| format!("{}: {error}", list.display()))?;
    let wanted = format!("{version}\n{wanted}");
    if fs::read_to_string(note).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(note, wanted).map_err(|error| format!("{}: {error}", note.display()))
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
