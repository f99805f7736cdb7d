//! Published clients with a credential underneath: a workspace of its own, whose trees are heavy.

use std::{env, fs, path::PathBuf, process::Command};

use crate::{
    apt::{self, is_installed, path},
    msrv,
    run::{cargo, root, step},
};

/// MCP's own tests of clients, and the Node.js that they want, both as npm packages.
const PACKAGES: &str = r#"{
  "private": true,
  "dependencies": { "@modelcontextprotocol/conformance": "0.1.16", "node": "22.23.3" },
  "allowScripts": { "node": true }
}
"#;

const SUITE: &str = "node_modules/@modelcontextprotocol/conformance/dist/index.js";

const SCENARIOS: [&str; 11] = [
    "auth/client-credentials-basic",
    "auth/client-credentials-jwt",
    "auth/resource-mismatch",
    "auth/metadata-default",
    "auth/metadata-var1",
    "auth/metadata-var2",
    "auth/metadata-var3",
    "auth/token-endpoint-auth-basic",
    "auth/token-endpoint-auth-post",
    "auth/token-endpoint-auth-none",
    "auth/cross-app-access-complete-flow",
];

const MANIFEST: &str = "crates/hallpass-clients/Cargo.toml";

/// Each client's calls while its token is revoked, one row each. All rows are only shown of code
/// that has passed its checks.
pub(crate) fn rows(names: &[String]) -> Result<(), String> {
    protoc()?;
    if names.is_empty() {
        checks()?;
    }
    let mut run = cargo(&["run", "--quiet", "--locked", "--bin", "hallpass-clients"]);
    run.args(["--manifest-path", &manifest()])
        .arg("--")
        .args(names);
    step("clients", run.env("PATH", path()?))
}

/// What `cargo xtask test` does for the other workspace.
fn checks() -> Result<(), String> {
    let in_workspace = |arguments: &[&str]| {
        let mut command = cargo(arguments);
        command.args(["--manifest-path", &manifest()]);
        command
    };
    step(
        "formatting",
        &mut in_workspace(&["fmt", "--all", "--check"]),
    )?;
    msrv::check_at(MANIFEST)?;
    let mut lints = in_workspace(&["clippy", "--workspace", "--all-targets", "--locked"]);
    lints.args(["--", "-D", "warnings"]);
    step("lints", lints.env("PATH", path()?))?;
    let mut docs = in_workspace(&["doc", "--package", "hallpass-rmcp", "--no-deps", "--locked"]);
    step("documentation", docs.env("RUSTDOCFLAGS", "-D warnings"))?;
    let mut tests = in_workspace(&["test", "--workspace", "--locked"]);
    step("tests", tests.env("PATH", path()?))
}

/// The scenarios of MCP's authorization that need nobody to sign in but the test itself.
pub(crate) fn mcp(names: &[String]) -> Result<(), String> {
    protoc()?;
    let mut build = cargo(&["build", "--locked", "--bin", "mcp-conformance"]);
    step(
        "client",
        build
            .args(["--manifest-path", &manifest()])
            .env("PATH", path()?),
    )?;
    let folder = folder().join("target/mcp");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let list = folder.join("package.json");
    if fs::read_to_string(&list).ok().as_deref() != Some(PACKAGES) {
        fs::write(&list, PACKAGES).map_err(|error| format!("{}: {error}", list.display()))?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-package-lock", "--no-audit", "--no-fund"]);
        step("npm packages", npm.current_dir(&folder)).inspect_err(|_| {
            // Half of them are of no use.
            drop(fs::remove_file(&list));
        })?;
    }
    let client = target().join("debug/mcp-conformance");
    let mut failed = Vec::new();
    for scenario in SCENARIOS {
        if !names.is_empty() && !names.iter().any(|name| scenario.contains(name.as_str())) {
            continue;
        }
        let mut suite = Command::new(folder.join("node_modules/.bin/node"));
        suite.arg(SUITE).arg("client");
        suite
            .args(["--scenario", scenario, "--command"])
            .arg(&client);
        if step(scenario, suite.current_dir(&folder)).is_err() {
            failed.push(scenario);
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("{} failed", failed.join(", ")))
}

fn folder() -> PathBuf {
    root().join("crates/hallpass-clients")
}

fn manifest() -> String {
    root().join(MANIFEST).display().to_string()
}

fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| folder().join("target"), PathBuf::from)
}

/// etcd-client makes its code of protocol files.
fn protoc() -> Result<(), String> {
    if is_installed("protoc") || env::var_os("PROTOC").is_some() {
        return Ok(());
    }
    apt::install(
        &["protobuf-compiler", "libprotobuf-dev"],
        "or name one in the variable PROTOC",
    )
}
