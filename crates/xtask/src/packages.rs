//! The packages as crates.io would get them.

use std::process::Command;

use serde_json::Value;

use crate::run::{cargo, output, root, step, target};

/// What has to be in each.
const FILES: [&str; 5] = [
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "src/",
];

/// Packs each crate in the order of dependencies, and looks what is in it. Part of `cargo xtask test`.
pub(crate) fn check() -> Result<(), String> {
    step("packages", publish().args(["--no-verify", "--quiet"]))?;
    let mut faults = Vec::new();
    for name in published(&metadata()?) {
        let listed = output(
            "packages",
            &mut cargo(&["package", "--list", "--allow-dirty", "--package", &name]),
        )?;
        let lacks = FILES
            .iter()
            .filter(|file| !listed.lines().any(|line| line.starts_with(**file)));
        faults.extend(lacks.map(|file| format!("{name} has no {file}")));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

/// Everything but the upload, each package built without the workspace around it.
pub(crate) fn dry_run() -> Result<(), String> {
    check()?;
    step("publishing, without the upload", &mut publish())
}

fn publish() -> Command {
    cargo(&["publish", "--workspace", "--dry-run", "--allow-dirty"])
}

/// Compares the public interface with the last release's.
pub(crate) fn semver() -> Result<(), String> {
    let mut git = Command::new("git");
    git.args(["describe", "--tags", "--abbrev=0", "--match", "v[0-9]*"]);
    let Ok(tag) = output("git", git.current_dir(root())) else {
        println!("no release yet: there is nothing to compare with before the tag v0.1.0");
        return Ok(());
    };
    let folder = target()?.join("tools");
    let mut install = cargo(&["install", "--locked", "--quiet", "cargo-semver-checks"]);
    step("cargo-semver-checks", install.arg("--root").arg(&folder))?;
    let mut compare = Command::new(folder.join("bin/cargo-semver-checks"));
    compare.args(["semver-checks", "--workspace", "--baseline-rev", tag.trim()]);
    step("public interfaces", compare.current_dir(root()))
}

/// The libraries that other people's code will name.
pub(crate) fn libraries() -> Result<Vec<String>, String> {
    let library = |target: &Value| target["kind"][0] == "lib";
    let mut metadata = metadata()?;
    if let Some(packages) = metadata["packages"].as_array_mut() {
        packages.retain(|package| list(&package["targets"]).any(library));
    }
    Ok(published(&metadata))
}

/// The names of the packages that are published.
fn published(metadata: &Value) -> Vec<String> {
    list(&metadata["packages"])
        .filter(|package| package["publish"].is_null())
        .filter_map(|package| package["name"].as_str())
        .map(str::to_owned)
        .collect()
}

fn metadata() -> Result<Value, String> {
    let mut command = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    serde_json::from_str(&output("metadata", &mut command)?)
        .map_err(|error| format!("metadata: {error}"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
