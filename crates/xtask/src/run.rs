//! Runs commands, shows what they print, and says how long they took.

use std::{path::PathBuf, process::Command, time::SystemTime};

use serde_json::Value;

/// Runs one step; its output goes to the terminal.
pub(crate) fn step(title: &str, command: &mut Command) -> Result<(), String> {
    println!("\n== {title}");
    let start = SystemTime::now();
    let status = command.status().map_err(|error| {
        format!(
            "{title}: {} did not start: {error}",
            command.get_program().display()
        )
    })?;
    let seconds = start.elapsed().unwrap_or_default().as_secs_f32();
    if status.success() {
        println!("== {title}: ok, {seconds:.1} s");
        Ok(())
    } else {
        Err(format!("{title}: {command:?} ended with {status}"))
    }
}

/// Runs a command and returns what it printed.
pub(crate) fn output(title: &str, command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| {
        format!(
            "{title}: {} did not start: {error}",
            command.get_program().display()
        )
    })?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(printed)
    } else {
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(format!(
            "{title}: ended with {}\n{printed}{complaint}",
            output.status
        ))
    }
}

pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path.pop();
    path
}

/// Where cargo builds.
pub(crate) fn target() -> Result<PathBuf, String> {
    let metadata = output(
        "metadata",
        &mut cargo(&["metadata", "--format-version", "1", "--no-deps"]),
    )?;
    let metadata: Value =
        serde_json::from_str(&metadata).map_err(|error| format!("metadata: {error}"))?;
    match metadata["target_directory"].as_str() {
        Some(folder) => Ok(folder.into()),
        None => Err("metadata: no target_directory".to_owned()),
    }
}
