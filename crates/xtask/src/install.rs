//! Installs what Python and Node.js bring, once for each list and version.

use std::{fs, path::Path, process::Command};

use crate::{
    apt,
    run::{output, step},
};

/// A Python environment `venv` in the folder, with the packages of a list. `whom` is for what.
pub(crate) fn python(whom: &str, folder: &Path, list: &Path) -> Result<(), String> {
    let version = tool(whom, "python3", "Python 3.10 or newer")?;
    let mut numbers = version.trim_start_matches("Python ").split('.');
    let mut number = || numbers.next().and_then(|number| number.parse::<u32>().ok());
    if (number(), number()) < (Some(3), Some(10)) {
        return Err(format!(
            "python3 is {version}, and {whom} need Python 3.10 or newer: https://www.python.org"
        ));
    }
    let venv = folder.join("venv");
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    once(&folder.join("venv.installed"), &version, list, || {
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
                .arg(list),
        )
    })
}

/// The version that a tool says it is.
pub(crate) fn tool(whom: &str, name: &str, what: &str) -> Result<String, String> {
    match output(name, Command::new(name).arg("--version")) {
        Ok(version) => Ok(version.trim().to_owned()),
        Err(error) => Err(format!(
            "{whom} need {what}, and {name} can't be run ({}): install it",
            error.trim()
        )),
    }
}

/// Installs unless this list was installed with this version of the tool before.
pub(crate) fn once(
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
