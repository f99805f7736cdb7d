//! What the lock file may hold: nothing that is known to be bad, and all of it from one registry.
//!
//! The lists are a snapshot. They ask no service, so they know what was known when they were written.

use std::fs;

use crate::run::root;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Crates that must not be there at all, and why.
const REFUSED: [(&str, &str); 7] = [
    (
        "rsa",
        "RUSTSEC-2023-0071: its timing tells the private key, and nothing mends it",
    ),
    ("surf", "RUSTSEC-2026-0169: nobody keeps it"),
    ("rustls-pemfile", "RUSTSEC-2025-0134: nobody keeps it"),
    ("tracing-check", "RUSTSEC-2026-0019: it steals credentials"),
    (
        "http-types",
        "RUSTSEC-2026-0174: it builds headers from unchecked text",
    ),
    ("instant", "RUSTSEC-2024-0384: nobody keeps it"),
    ("proc-macro-error", "RUSTSEC-2024-0370: nobody keeps it"),
];

/// The first version of each that lacks a known fault.
const LEAST: [(&str, [u64; 3], &str); 7] = [
    ("h2", [0, 4, 16], "RUSTSEC-2026-0258: floods of frames"),
    (
        "idna",
        [1, 0, 0],
        "RUSTSEC-2024-0421: punycode that equals plain letters",
    ),
    ("url", [2, 5, 4], "RUSTSEC-2024-0421: through idna"),
    (
        "tracing-subscriber",
        [0, 3, 20],
        "RUSTSEC-2025-0055: escapes reach the terminal",
    ),
    (
        "time",
        [0, 3, 47],
        "RUSTSEC-2026-0009: comments take the stack",
    ),
    (
        "jsonwebtoken",
        [10, 3, 0],
        "CVE-2026-25537: an end that is a text counts as none",
    ),
    ("ring", [0, 17, 12], "RUSTSEC-2025-0009: some lengths panic"),
];

pub(crate) fn check() -> Result<(), String> {
    println!("\n== what is locked");
    let packages = packages(&text()?);
    let mut faults = bad(&packages);
    faults.extend(strange(&packages));
    if faults.is_empty() {
        println!("== {} packages: ok", packages.len());
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

fn text() -> Result<String, String> {
    let path = root().join("Cargo.lock");
    fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

#[derive(Default)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    has_checksum: bool,
}

fn packages(lock: &str) -> Vec<Package> {
    let mut packages: Vec<Package> = Vec::new();
    for line in lock.lines() {
        if line == "[[package]]" {
            packages.push(Package::default());
        }
        let (Some(package), Some((key, value))) = (packages.last_mut(), line.split_once(" = "))
        else {
            continue;
        };
        let value = value.trim_matches('"').to_owned();
        match key {
            "name" => package.name = value,
            "version" => package.version = value,
            "source" => package.source = Some(value),
            "checksum" => package.has_checksum = value.len() == 64,
            _ => {}
        }
    }
    packages
}

fn bad(packages: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for package in packages {
        let Package { name, version, .. } = package;
        let refused = REFUSED.iter().filter(|(bad, _)| bad == name);
        faults.extend(refused.map(|(_, why)| format!("{name} {version} is locked: {why}")));
        let old = LEAST
            .iter()
            .filter(|(bad, least, _)| bad == name && numbers(version) < *least);
        faults.extend(
            old.map(|(_, least, why)| format!("{name} {version} is older than {least:?}: {why}")),
        );
    }
    faults
}

fn strange(packages: &[Package]) -> Vec<String> {
    let foreign = packages.iter().filter(|package| match &package.source {
        // A crate of this workspace.
        None => package.has_checksum || !is_own(&package.name),
        Some(source) => source != REGISTRY || !package.has_checksum,
    });
    foreign
        .map(|package| format!("{} {} comes from elsewhere", package.name, package.version))
        .collect()
}

fn is_own(name: &str) -> bool {
    let known = ["atlar-example", "atomic-example", "hallpass", "xtask"];
    known.contains(&name) || name.starts_with("hallpass-")
}

fn numbers(version: &str) -> [u64; 3] {
    let mut found = [0; 3];
    let parts = version.split(['.', '+', '-']);
    for (slot, part) in found.iter_mut().zip(parts) {
        *slot = part.parse().unwrap_or(0);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_known_to_be_bad_is_locked() {
        let packages = packages(&text().unwrap());
        assert!(packages.len() > 100, "the file is read");
        assert!(packages.iter().any(|package| package.name == "h2"));
        assert_eq!(bad(&packages), Vec::<String>::new());
    }

    #[test]
    fn all_comes_from_one_registry_with_a_checksum() {
        assert_eq!(strange(&packages(&text().unwrap())), Vec::<String>::new());
    }

    fn locked(name: &str, version: &str, rest: &str) -> Vec<Package> {
        packages(&format!(
            "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n{rest}"
        ))
    }

    #[test]
    fn what_is_bad_is_found() {
        for (name, version, expected) in [
            ("rsa", "0.9.10", 1),
            ("h2", "0.4.15", 1),
            ("h2", "0.4.16", 0),
            ("h2", "0.3.99", 1),
            ("idna", "0.5.0", 1),
            ("time", "0.3.47", 0),
            ("serde", "1.0.0", 0),
        ] {
            assert_eq!(
                bad(&locked(name, version, "")).len(),
                expected,
                "{name} {version}"
            );
        }
        let registry = format!("source = \"{REGISTRY}\"\n");
        let checksum = format!("checksum = \"{}\"\n", "a".repeat(64));
        for (name, rest, expected) in [
            ("serde", format!("{registry}{checksum}"), 0),
            ("serde", registry, 1),
            ("serde", String::new(), 1),
            (
                "serde",
                format!("source = \"git+https://example.com/serde\"\n{checksum}"),
                1,
            ),
            (
                "serde",
                format!("source = \"registry+https://example.com/index\"\n{checksum}"),
                1,
            ),
            ("hallpass-core", String::new(), 0),
        ] {
            assert_eq!(
                strange(&locked(name, "1.0.0", &rest)).len(),
                expected,
                "{name} {rest}"
            );
        }
    }
}
