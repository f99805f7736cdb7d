//! The published crates build with the oldest versions that their manifests allow.
//!
//! What cargo's unstable `-Z direct-minimal-versions` does: every direct dependency is at its
//! declared minimum, and what those need themselves at whatever resolves. In a copy of the workspace
//! without tests, whose manifests ask for just those versions.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::run::{cargo, root, step};

pub(crate) fn check() -> Result<(), String> {
    let copy = root().join("target/minimal");
    // The last run's copy, if there was one.
    let _ = fs::remove_dir_all(copy.join("crates"));
    let crates = published()?;
    let mut members = Vec::new();
    for folder in &crates {
        let name = folder.file_name().unwrap_or_default();
        members.push(format!("\"crates/{}\"", name.display()));
        copy_folder(folder, &copy.join("crates").join(name))?;
    }
    let members = format!("members = [{}]\n", members.join(", "));
    let manifest = read(&root().join("Cargo.toml"))?;
    let rest: Vec<_> = manifest
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("exclude = "))
        .map(|line| {
            if line.starts_with("members = ") {
                members.clone()
            } else {
                line.to_owned()
            }
        })
        .collect();
    write(&copy.join("Cargo.toml"), &at_minimum(&rest.concat()))?;
    for folder in &crates {
        let name = folder.file_name().unwrap_or_default();
        let path = copy.join("crates").join(name).join("Cargo.toml");
        write(&path, &at_minimum(&read(&path)?))?;
    }
    // What the minimums need themselves stays as it is locked, where it can.
    let lock = read(&root().join("Cargo.lock"))?;
    write(&copy.join("Cargo.lock"), &lock)?;
    step(
        "lower bounds of dependencies",
        cargo(&["check", "--workspace", "--all-features", "--target-dir"])
            .arg(copy.join("target"))
            .current_dir(&copy),
    )
}

/// The folders of the crates that other people's manifests will name, and that are of this workspace.
fn published() -> Result<Vec<PathBuf>, String> {
    let mut folders = Vec::new();
    for entry in list(&root().join("crates"))? {
        let manifest = entry.join("Cargo.toml");
        if !manifest.is_file() {
            continue;
        }
        let text = read(&manifest)?;
        if !text.contains("publish = false") && !text.contains("workspace = \"../") {
            folders.push(entry);
        }
    }
    Ok(folders)
}

/// A manifest whose dependencies are at their minimum, and which has none for tests.
fn at_minimum(manifest: &str) -> String {
    let mut section = "";
    let mut text = String::new();
    for line in manifest.lines() {
        let heading = line.starts_with('[');
        if heading {
            section = line;
        }
        let dependencies = section.ends_with("dependencies]");
        if dependencies && section.contains("dev-") {
            continue;
        }
        let exact = (dependencies && !heading).then(|| exactly(line)).flatten();
        text.push_str(exact.as_deref().unwrap_or(line));
        text.push('\n');
    }
    text
}

/// `name = "1.2"` and `name = { version = "1.2", … }` as `=1.2.0`; nothing if it says anything else.
fn exactly(line: &str) -> Option<String> {
    let (_, value) = line.split_once(" = ")?;
    if value.contains("path = ") {
        return None;
    }
    let version = match value.strip_prefix('"') {
        Some(version) => version,
        None => value.split_once("version = \"")?.1,
    };
    let (version, _) = version.split_once('"')?;
    let parts = version.split('.').count();
    let exact = format!("={version}{}", ".0".repeat(3_usize.saturating_sub(parts)));
    Some(line.replacen(&format!("\"{version}\""), &format!("\"{exact}\""), 1))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|error| format!("{}: {error}", to.display()))?;
    for entry in list(from)? {
        let name = entry.file_name().unwrap_or_default();
        if entry.is_file() {
            let target = to.join(name);
            fs::copy(&entry, &target).map_err(|error| format!("{}: {error}", entry.display()))?;
        } else if !["benches", "target", "tests"]
            .iter()
            .any(|skip| name == *skip)
        {
            copy_folder(&entry, &to.join(name))?;
        }
    }
    Ok(())
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
