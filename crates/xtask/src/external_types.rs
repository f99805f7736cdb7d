//! Whose types the public interfaces name: a new major version of such a crate is one of ours.
//!
//! Read from rustdoc's JSON, which stable compilers write if they are told that they may.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    process::{Command, ExitCode},
};

use serde_json::Value;

use crate::{
    packages,
    run::{cargo, root, step, target},
};

/// Under this variable this program stands in for rustdoc.
const AS_RUSTDOC: &str = "HALLPASS_XTASK_AS_RUSTDOC";

/// What each crate may name: `crate: other other…`.
const LIST: &str = "external-types.txt";

/// The standard library's, and a macro that implements a trait of its own for our types.
const UNCOUNTED: [&str; 4] = ["alloc", "core", "pin_project_lite", "std"];

/// Runs rustdoc with its unstable options allowed. Only rustdoc, so that no crate is built anew.
pub(crate) fn as_rustdoc() -> Option<ExitCode> {
    env::var_os(AS_RUSTDOC)?;
    let status = Command::new("rustdoc")
        .args(env::args_os().skip(1))
        .env("RUSTC_BOOTSTRAP", "1")
        .status();
    let is_done = status.is_ok_and(|status| status.success());
    Some(if is_done {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

pub(crate) fn check() -> Result<(), String> {
    let list = root().join(LIST);
    let allowed = fs::read_to_string(&list).map_err(|error| format!("{LIST}: {error}"))?;
    let this = env::current_exe().map_err(|error| format!("xtask: {error}"))?;
    let mut found = String::new();
    // All at once, and with what the documentation was made of, so that nothing else is built.
    let mut rustdoc = cargo(&["doc", "--workspace", "--lib", "--no-deps", "--all-features"]);
    rustdoc.env("RUSTDOC", &this).env(AS_RUSTDOC, "1");
    rustdoc.env("RUSTDOCFLAGS", "-Z unstable-options --output-format json");
    step("external types", rustdoc.arg("--quiet"))?;
    for library in packages::libraries()? {
        let json = target()?.join(format!("doc/{}.json", library.replace('-', "_")));
        let text =
            fs::read_to_string(&json).map_err(|error| format!("{}: {error}", json.display()))?;
        let doc: Value =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", json.display()))?;
        let names: Vec<_> = foreign(&doc).into_iter().collect();
        found.extend([library.as_str(), ": ", &names.join(" "), "\n"]);
    }
    if lines(&found) == lines(&allowed) {
        return Ok(());
    }
    Err(format!(
        "{LIST} has something else than the public interfaces name. If that is meant, it should say:\n\n{found}"
    ))
}

fn lines(text: &str) -> BTreeSet<&str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// The crates, other than ours and the standard library's, whose types are named.
fn foreign(doc: &Value) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for item in doc["index"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, item)| item)
    {
        let own = item["crate_id"].as_u64() == Some(0);
        let implied = &item["inner"]["impl"];
        let blanket = !implied["blanket_impl"].is_null();
        let synthetic = implied["is_synthetic"].as_bool().unwrap_or_default();
        if own && !blanket && !synthetic {
            collect(&item["inner"], &mut ids);
        }
    }
    let crates: BTreeMap<u64, &str> = doc["external_crates"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(id, one)| Some((id.parse().ok()?, one["name"].as_str()?)))
        .collect();
    ids.iter()
        .filter_map(|id| doc["paths"][id]["crate_id"].as_u64())
        .filter_map(|id| crates.get(&id).copied())
        .filter(|name| !UNCOUNTED.contains(name) && !name.starts_with("hallpass"))
        .map(str::to_owned)
        .collect()
}

/// The ids of all paths and re-exports below.
fn collect(value: &Value, ids: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let names = |name| members.contains_key(name);
            if names("id")
                && (names("path") || names("source"))
                && let Some(id) = members["id"].as_u64()
            {
                ids.insert(id.to_string());
            }
            for member in members.values() {
                collect(member, ids);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                collect(element, ids);
            }
        }
        _ => {}
    }
}
