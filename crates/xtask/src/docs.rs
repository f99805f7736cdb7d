//! The pages: links lead somewhere, and what is said of messages is what the code says.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    excerpts,
    run::{output, root, step, target},
    tools,
};

/// Where the repository's own files are on the web; links to there are looked up here.
const OWN: &str = "https://github.com/hallpass-rs/hallpass/(blob|tree)/main/(.*)";

/// Links between items are rustdoc's to check. Where a crate was documented before one that it links
/// to, they stand there as they were written, also in the rendered pages.
const ITEMS: &str = r"::|/crate#|\.rs\.html";

/// The page whose tables begin with messages of the code. Events have a test of their own.
const QUOTING: &str = "failures.md";

pub(crate) fn check() -> Result<(), String> {
    messages()?;
    excerpts::check()?;
    let mut files = Command::new("git");
    files.args(["ls-files", "*.md"]).current_dir(root());
    let files = output("git", &mut files)?;
    let files = files.lines().filter(|file| root().join(file).is_file());
    let mut links = lychee()?;
    links.args(["--exclude", ITEMS]).args(files);
    step("links of the repository's pages", &mut links)
}

/// Needs the documentation to be built: the step before in `cargo xtask test`.
pub(crate) fn rendered() -> Result<(), String> {
    let doc = target()?.join("doc");
    let mut pages = vec![doc.join("hallpass/index.html")];
    for folder in list(&doc)? {
        let name = folder.file_name().unwrap_or_default();
        if !name.to_string_lossy().starts_with("hallpass") || !folder.is_dir() {
            continue;
        }
        for below in ["docs", "guide"] {
            html(&folder.join(below), &mut pages);
        }
    }
    let mut links = lychee()?;
    links.args(["--exclude", ITEMS]).args(pages);
    step("links of the documentation", &mut links)
}

fn lychee() -> Result<Command, String> {
    let mut command = tools::tool("lychee")?;
    command.args(["--offline", "--include-fragments", "--no-progress"]);
    let here = format!("{OWN} file://{}/$2", root().display());
    command.args(["--remap", &here]);
    Ok(command)
}

fn html(folder: &Path, pages: &mut Vec<PathBuf>) {
    for path in list(folder).unwrap_or_default() {
        if path.is_dir() {
            html(&path, pages);
        } else if path.extension().is_some_and(|html| html == "html") {
            pages.push(path);
        }
    }
}

/// Each quotation in the first column of such a page's tables stands in a source file.
fn messages() -> Result<(), String> {
    let mut sources = String::new();
    for folder in list(&root().join("crates"))? {
        read(&folder.join("src"), &mut sources);
    }
    let mut faults = Vec::new();
    let path = root().join("crates/hallpass/docs/guide").join(QUOTING);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    for row in text.lines().filter_map(|line| line.strip_prefix("| ")) {
        let first = row.split(" | ").next().unwrap_or_default();
        let quoted = first.split('`').skip(1).step_by(2);
        let pieces = quoted.flat_map(|quoted| quoted.split('…').map(str::trim));
        let missing = pieces.filter(|piece| piece.len() > 2 && !sources.contains(*piece));
        faults.extend(missing.map(|piece| format!("{QUOTING}: no source says \"{piece}\"")));
    }
    if faults.is_empty() {
        println!("== quoted messages: ok");
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

fn read(folder: &Path, into: &mut String) {
    for path in list(folder).unwrap_or_default() {
        if path.is_dir() {
            read(&path, into);
        } else if path.extension().is_some_and(|rs| rs == "rs") {
            into.push_str(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}
