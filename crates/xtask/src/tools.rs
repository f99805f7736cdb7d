//! Tools that come ready made from `PyPI`, below the target directory.

use std::{path::PathBuf, process::Command};

use crate::{
    install,
    run::{root, target},
};

/// A tool of the list in `tools.txt`.
pub(crate) fn tool(name: &str) -> Result<Command, String> {
    let folder: PathBuf = target()?.join("tools");
    let list = root().join("crates/xtask/tools.txt");
    install::python("link and dependency checks", &folder, &list)?;
    let mut command = Command::new(folder.join("venv/bin").join(name));
    command.current_dir(root());
    Ok(command)
}
