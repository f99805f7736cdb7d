//! No dependency wants a newer Rust than the crate that needs it.
//!
//! A compiler that old is not always at hand; the versions that the packages themselves declare
//! are, and clippy's `incompatible_msrv` watches the standard library.

use std::collections::HashMap;

use serde_json::Value;

use crate::run::{cargo, output, root};

pub(crate) fn check() -> Result<(), String> {
    check_at("Cargo.toml")
}

/// Checks the published members of the workspace with this manifest.
pub(crate) fn check_at(manifest: &str) -> Result<(), String> {
    println!("\n== minimum Rust versions");
    let text = output(
        "metadata",
        cargo(&[
            "metadata",
            "--format-version",
            "1",
            "--all-features",
            "--locked",
            "--manifest-path",
        ])
        .arg(root().join(manifest)),
    )?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|error| format!("metadata: {error}"))?;
    let packages = list(&metadata["packages"]);
    let by_id: HashMap<&str, &Value> = packages
        .iter()
        .map(|package| (text_of(&package["id"]), *package))
        .collect();
    let nodes: HashMap<&str, &Value> = list(&metadata["resolve"]["nodes"])
        .into_iter()
        .map(|node| (text_of(&node["id"]), node))
        .collect();
    let mut faults = Vec::new();
    for package in packages {
        let published = package["publish"].is_null();
        if package["source"].is_null() && published {
            faults.extend(too_new(package, &by_id, &nodes));
        }
    }
    if faults.is_empty() {
        println!("== minimum Rust versions: ok");
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

/// The packages that this one is built with and that want a newer Rust.
fn too_new(
    package: &Value,
    by_id: &HashMap<&str, &Value>,
    nodes: &HashMap<&str, &Value>,
) -> Vec<String> {
    let name = text_of(&package["name"]);
    let Some(own) = version(&package["rust_version"]) else {
        return vec![format!("{name} declares no rust-version")];
    };
    let mut open = vec![text_of(&package["id"])];
    let mut seen = vec![];
    let mut faults = vec![];
    while let Some(id) = open.pop() {
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        let wanted = &by_id[id]["rust_version"];
        if version(wanted).is_some_and(|wanted| wanted > own) {
            faults.push(format!("{name}: {id} wants Rust {}", text_of(wanted)));
        }
        for dependency in list(&nodes[id]["deps"]) {
            let built = list(&dependency["dep_kinds"])
                .iter()
                .any(|kind| text_of(&kind["kind"]) != "dev");
            if built {
                open.push(text_of(&dependency["pkg"]));
            }
        }
    }
    faults
}

fn version(value: &Value) -> Option<Vec<u32>> {
    let mut parts: Vec<u32> = value
        .as_str()?
        .split('.')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    parts.resize(3, 0);
    Some(parts)
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().into_iter().flatten().collect()
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
