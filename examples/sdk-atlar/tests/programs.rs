//! The programs that use the SDK, each run as a user runs it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{env, process::Command};

fn ends_with(name: &str, last: &str) {
    // Cargo builds examples beside the folder that tests run from.
    let own = env::current_exe().unwrap();
    let folder = own.parent().unwrap().parent().unwrap().join("examples");
    let program = folder.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    let output = Command::new(program).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{:?}", output.stderr);
    assert_eq!(text.lines().last(), Some(last), "{text}");
}

#[test]
fn blocking() {
    ends_with("blocking", "ok: 2 token requests");
}

#[test]
fn reqwest_only() {
    ends_with("reqwest_only", "ok: 2 token requests");
}
