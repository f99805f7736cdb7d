//! What only the system's package manager can bring, and what to tell people who can't use it.

use std::{env, ffi::OsString, process::Command};

use crate::run::{output, step};

/// Where Debian puts nginx; not on everybody's path.
const SYSTEM_PROGRAMS: &str = "/usr/sbin";

/// Installs Debian packages if there is somebody who may, or else says how to. `otherwise` says
/// what else helps.
pub(crate) fn install(packages: &[&str], otherwise: &str) -> Result<(), String> {
    let missing = packages.join(" and ");
    if !is_installed("apt-get") {
        return Err(format!(
            "{missing} can't be found, and there is no apt-get to install it with: put what is missing on the path, {otherwise}"
        ));
    }
    let by_hand = format!(
        "apt-get update && apt-get install --no-install-recommends {}",
        packages.join(" ")
    );
    if output("id", Command::new("id").arg("-u"))?.trim() != "0" {
        return Err(format!(
            "{missing} can't be found, and only root can install it: run `sudo sh -c '{by_hand}'`, {otherwise}"
        ));
    }
    let mut arguments = vec!["install", "--no-install-recommends"];
    arguments.extend(packages);
    let install = || step("Debian packages", &mut apt_get(&arguments));
    install()
        .or_else(|_| {
            // Package lists may be missing, as in a container, or too old to find anything by.
            step("Debian package lists", &mut apt_get(&["update"]))?;
            install()
        })
        .map_err(|error| format!("{error}\nInstall it by hand with `{by_hand}`, {otherwise}"))
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(["--quiet", "--yes"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

pub(crate) fn is_installed(program: &str) -> bool {
    let Ok(path) = path() else { return false };
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Where programs are looked for, and where the servers find theirs.
pub(crate) fn path() -> Result<OsString, String> {
    let own = env::var_os("PATH").unwrap_or_default();
    env::join_paths(env::split_paths(&own).chain([SYSTEM_PROGRAMS.into()]))
        .map_err(|error| format!("PATH: {error}"))
}
