//! Code blocks that rustdoc ignores, because they show crates of other people: each is an excerpt of
//! what `cargo xtask clients` compiles and runs.

use std::{fs, path::Path, process::Command};

use crate::run::{output, root};

/// Where the excerpts are from.
const COMPILED: &str = "crates/hallpass-clients/src";

/// Each line of an ignored block stands there too.
pub(crate) fn check() -> Result<(), String> {
    let mut files = Command::new("git");
    files.args(["ls-files", "*.md", "*.rs"]).current_dir(root());
    let files = output("git", &mut files)?;
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap_or_default();
    let compiled: String = files
        .lines()
        .filter(|file| Path::new(file).starts_with(COMPILED))
        .map(|file| plain(&read(file)))
        .collect();
    let faults: Vec<String> = files
        .lines()
        .flat_map(|file| {
            let others = others(&read(file), &compiled);
            others
                .into_iter()
                .map(move |number| format!("{file}:{number}: stands nowhere in {COMPILED}"))
        })
        .collect();
    if faults.is_empty() {
        println!("== code blocks that are excerpts: ok");
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

/// The lines of ignored blocks that are not part of `compiled`.
fn others(text: &str, compiled: &str) -> Vec<usize> {
    let mut others = Vec::new();
    let mut ignored = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        let line = ["//!", "///"]
            .iter()
            .find_map(|mark| line.strip_prefix(mark))
            .unwrap_or(line)
            .trim_start();
        if let Some(kind) = line.strip_prefix("```") {
            ignored = !ignored && kind.split(',').any(|word| word == "ignore");
        } else if ignored && !compiled.contains(plain(line).trim_end_matches(',')) {
            others.push(number + 1);
        }
    }
    others
}

/// Code without what formatting adds and takes away.
fn plain(code: &str) -> String {
    let code: String = code.split_whitespace().collect();
    code.replace(",)", ")").replace(",}", "}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_nobody_compiled_is_found() {
        let compiled = plain("let a = one(\n    two,\n    three,\n);\nlet b = 1;");
        let page = "```ignore\nlet a = one(two, three);\n\nlet b = 2;\n```\nlet c = 3;\n";
        assert_eq!(others(page, &compiled), [4]);
        let module = "//! ```rust,ignore\n//! let b = 2;\n//! ```\n//! ```\n//! let c = 3;\n";
        assert_eq!(others(module, &compiled), [2]);
    }
}
