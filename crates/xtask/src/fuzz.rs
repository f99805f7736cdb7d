//! `cargo xtask fuzz`: the targets of `fuzz/`, each for a while. What they promise stands in
//! `hallpass-fuzzed`, whose ordinary test gives them the seeds.

use std::{fs, process::Command};

use crate::{
    install,
    run::{cargo, output, root, step, target},
};

const TARGETS: [&str; 9] = [
    "answers",
    "challenges",
    "clients",
    "entries",
    "exec",
    "jwt",
    "profiles",
    "retry_after",
    "templates",
];

/// How long each target takes unless `--seconds` says otherwise.
const SECONDS: u64 = 60;

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let (targets, seconds) = read(arguments)?;
    let target = target()?;
    let (tools, place) = (target.join("tools"), target.join("fuzz"));
    let faults = place.join("faults");
    install(&tools)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(tools.join("bin")).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(paths).map_err(|error| error.to_string())?;
    for name in targets {
        let corpus = place.join("corpus").join(name);
        for folder in [&corpus, &faults] {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        // Nothing of ours is unsafe, so a sanitizer would only make it slow.
        let mut fuzz = Command::new("rustup");
        fuzz.args(["run", "nightly", "cargo", "fuzz", "run"])
            .args(["--sanitizer", "none", "--target-dir"])
            .arg(&place)
            .arg(name)
            .arg(&corpus)
            .arg(root().join("fuzz/seeds").join(name))
            .arg("--")
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/{name}-", faults.display()))
            .args(["-print_final_stats=1", "-timeout=10", "-rss_limit_mb=2048"])
            .args(["-max_len=16384", "-verbosity=0"])
            .current_dir(root())
            .env("PATH", &path)
            .env_remove("CARGO")
            .env_remove("RUSTUP_TOOLCHAIN");
        step(&format!("fuzz {name}, {seconds} s"), &mut fuzz)?;
    }
    Ok(())
}

fn read(arguments: &[String]) -> Result<(Vec<&'static str>, u64), String> {
    let usage = || {
        let targets = TARGETS.join(", ");
        format!("fuzz takes one of {targets}, and --seconds with a whole number from 1 on")
    };
    let (mut targets, mut seconds) = (TARGETS.to_vec(), SECONDS);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            let number = arguments.next().and_then(|number| number.parse().ok());
            seconds = number.filter(|seconds| *seconds > 0).ok_or_else(usage)?;
        } else {
            targets.retain(|target| target == argument);
            if targets.is_empty() {
                return Err(usage());
            }
        }
    }
    Ok((targets, seconds))
}

fn install(tools: &std::path::Path) -> Result<(), String> {
    install::tool("the fuzz targets", "c++", "a C++ compiler")?;
    let mut nightly = Command::new("rustup");
    nightly.args(["run", "nightly", "rustc", "--version"]);
    output("fuzz", &mut nightly).map_err(|error| {
        format!("{error}the fuzz targets need a nightly compiler: rustup toolchain install nightly")
    })?;
    if tools.join("bin/cargo-fuzz").exists() {
        return Ok(());
    }
    let mut install = cargo(&["install", "--locked", "--quiet", "cargo-fuzz", "--root"]);
    step("installing cargo-fuzz", install.arg(tools))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_and_a_time_are_read_in_any_order() {
        let read = |words: &str| read(&words.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(read("jwt --seconds 7"), Ok((vec!["jwt"], 7)));
        assert_eq!(read("--seconds 7").unwrap().0, TARGETS);
        for wrong in ["jws", "--seconds", "--seconds 0", "--seconds x", "jwt exec"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_target_has_its_file_and_every_file_is_a_target() {
        let files = fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap();
        let mut names: Vec<_> = files
            .map(|file| file.unwrap().path().with_extension(""))
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort_unstable();
        assert_eq!(names, TARGETS);
    }
}
