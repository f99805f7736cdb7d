//! Where and when something was measured.

use std::{fs, process::Command};

/// One line: processor, cores, system, compiler, day.
pub fn line() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{}, {cores} cores, {} {}, {}, {}",
        processor().unwrap_or_else(|| "unknown processor".to_owned()),
        std::env::consts::OS,
        std::env::consts::ARCH,
        printed("rustc", &["--version"]).unwrap_or_else(|| "unknown rustc".to_owned()),
        printed("date", &["-u", "+%Y-%m-%d"]).unwrap_or_else(|| "unknown date".to_owned()),
    )
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
}
