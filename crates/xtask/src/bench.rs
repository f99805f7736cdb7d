//! The measuring tools: built as benchmarks are, then run with what follows the command.

use crate::run::{cargo, root, step};

/// Options that name a file, and where it lies unless that is said.
const FILES: [(&str, &str); 3] = [("--json", "json"), ("--markdown", "md"), ("--svg", "svg")];

/// Every way to put a credential on a request, side by side; with `--peers`, other crates too.
pub(crate) fn bench(arguments: Vec<String>) -> Result<(), String> {
    with_peers("compare", "bench", "compare-peers", arguments)
}

/// What callers notice of a server in trouble; with `--peers`, callers of other crates too. It
/// counts calls, a few dozen a second: an optimised build would change nothing but the wait for it.
pub(crate) fn trouble(arguments: Vec<String>) -> Result<(), String> {
    with_peers("trouble", "dev", "trouble", arguments)
}

/// Throughput and latency with a real server.
pub(crate) fn load(arguments: Vec<String>) -> Result<(), String> {
    run("load", arguments)
}

/// A hundred thousand credentials.
pub(crate) fn scale(arguments: Vec<String>) -> Result<(), String> {
    run("scale", arguments)
}

/// Ten thousand processes on a virtual clock.
pub(crate) fn fleet(arguments: Vec<String>) -> Result<(), String> {
    run("fleet", arguments)
}

fn run(binary: &str, arguments: Vec<String>) -> Result<(), String> {
    tool(&PROJECT, binary, "bench", binary, arguments)
}

/// With `--peers`, the binary of the other workspace, `NAME-peers`, whose files are named `files`.
fn with_peers(
    name: &str,
    profile: &str,
    files: &str,
    mut arguments: Vec<String>,
) -> Result<(), String> {
    let all = arguments.len();
    arguments.retain(|argument| argument != "--peers");
    if arguments.len() == all {
        return tool(&PROJECT, name, profile, name, arguments);
    }
    let manifest = root().join("benches/peers/Cargo.toml");
    let manifest = manifest.display().to_string();
    let of = ["--manifest-path", &manifest];
    tool(&of, &format!("{name}-peers"), profile, files, arguments)
}

const PROJECT: [&str; 2] = ["--package", "hallpass-benches"];

/// All binaries are built, because one may start its sibling.
fn tool(
    of: &[&str],
    binary: &str,
    profile: &str,
    files: &str,
    arguments: Vec<String>,
) -> Result<(), String> {
    let mut build = cargo(&["build", "--quiet", "--profile", profile, "--bins"]);
    step("build", build.args(of))?;
    let mut run = cargo(&["run", "--quiet", "--profile", profile, "--bin", binary]);
    let arguments = with_files(files, arguments);
    step(binary, run.args(of).arg("--").args(arguments))
}

/// `--svg` alone means the file that is checked in: `benches/NAME.svg`.
fn with_files(name: &str, arguments: Vec<String>) -> Vec<String> {
    let mut all = Vec::with_capacity(arguments.len());
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        let file = FILES.iter().find(|(option, _)| *option == argument);
        let named = arguments.peek().is_some_and(|next| !next.starts_with("--"));
        all.push(argument);
        if let (Some((_, ending)), false) = (file, named) {
            let path = root().join("benches").join(format!("{name}.{ending}"));
            all.push(path.display().to_string());
        }
    }
    all
}
