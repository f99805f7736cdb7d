//! The tables of threats and rules name tests: each one has to exist, and no threat may be missing.

use std::{fs, path::Path};

use crate::run::root;

const DOCS: &str = "crates/hallpass-conformance/docs";
const THREATS: &str = "threats.md";
const RULES: &str = "rules.md";

/// How many threats there are: a row that is gone would not be missed otherwise.
const LAST_THREAT: usize = 52;

/// How far above its function a test's attribute may stand.
const ATTRIBUTES: usize = 8;

pub(crate) fn check() -> Result<(), String> {
    println!("\n== threats, rules and their tests");
    let root = root();
    let read = |name: &str| {
        let path = root.join(DOCS).join(name);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let (threats, rules) = (rows(&read(THREATS)?), rows(&read(RULES)?));
    let mut faults = numbers(&threats);
    let all = threats.iter().chain(&rules);
    faults.extend(all.flat_map(|row| missing(row, &root)));
    if faults.is_empty() {
        println!("== {} threats, {} rules: ok", threats.len(), rules.len());
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

/// One row of a table: what it is about, and the tests that it names.
struct Row {
    first: String,
    tests: Vec<String>,
}

fn rows(table: &str) -> Vec<Row> {
    let cells = |line: &str| -> Option<Vec<String>> {
        let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
        Some(
            line.split(" | ")
                .map(|cell| cell.trim().to_owned())
                .collect(),
        )
    };
    let rows = table.lines().filter_map(cells);
    let rows = rows.filter(|cells| cells.last().is_some_and(|last| last != "tests"));
    rows.map(|cells| Row {
        first: cells.first().cloned().unwrap_or_default(),
        tests: cells
            .last()
            .map(|last| last.split(", ").map(str::to_owned).collect())
            .unwrap_or_default(),
    })
    .collect()
}

/// What is wrong with the numbers of the threats.
fn numbers(threats: &[Row]) -> Vec<String> {
    let found: Vec<&str> = threats.iter().map(|row| row.first.as_str()).collect();
    let wanted: Vec<String> = (1..=LAST_THREAT).map(|number| number.to_string()).collect();
    if found == wanted {
        Vec::new()
    } else {
        let lacks = wanted
            .iter()
            .filter(|number| !found.contains(&number.as_str()));
        vec![format!(
            "{THREATS}: the rows are not 1 to {LAST_THREAT} in turn; missing: {}",
            lacks.cloned().collect::<Vec<_>>().join(", ")
        )]
    }
}

/// The tests of a row that don't exist.
fn missing(row: &Row, root: &Path) -> Vec<String> {
    let gone = row.tests.iter().filter(|test| !exists(test, root));
    gone.map(|test| format!("{}: there is no test {test}", row.first))
        .collect()
}

/// Whether there is a test of this name, which is written `crate/file::name`.
fn exists(test: &str, root: &Path) -> bool {
    let split = test
        .split_once('/')
        .and_then(|(package, rest)| Some((package, rest.split_once("::")?)));
    let Some((package, (file, name))) = split else {
        return false;
    };
    let folder = match package {
        "xtask" | "hallpass" => package.to_owned(),
        other => format!("hallpass-{other}"),
    };
    let folder = root.join("crates").join(folder);
    let parts = ["tests/it", "tests", "src", "src/cached"];
    parts.iter().any(|part| {
        let path = folder.join(part).join(format!("{file}.rs"));
        fs::read_to_string(path).is_ok_and(|text| has_test(&text, name))
    })
}

fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    let heads = lines.iter().enumerate().filter(|(_, line)| {
        line.starts_with(&head)
            || line
                .strip_prefix("async ")
                .is_some_and(|line| line.starts_with(&head))
    });
    heads.into_iter().any(|(at, _)| {
        let above = &lines[at.saturating_sub(ATTRIBUTES)..at];
        let own = above
            .iter()
            .rposition(|line| line.is_empty() || *line == "}");
        let own = &above[own.map_or(0, |at| at + 1)..];
        own.iter()
            .any(|line| line.starts_with("#[") && line.contains("test"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_that_is_named_exists() {
        check().unwrap();
    }

    #[test]
    fn a_test_that_is_gone_is_named() {
        let table = "| # | rule | tests |\n|---|---|---|\n| 7 | a | xtask/claims::every_test_that_is_named_exists, xtask/claims::no_such_test |\n";
        let rows = rows(table);
        let faults = missing(&rows[0], &root());
        assert_eq!(faults, ["7: there is no test xtask/claims::no_such_test"]);
        for odd in [
            "",
            "—",
            "xtask",
            "xtask/claims",
            "xtask/gone::every_test_that_is_named_exists",
            "gone/claims::check",
        ] {
            assert!(!exists(odd, &root()), "{odd}");
        }
        // A function is no test.
        assert!(!exists("xtask/claims::check", &root()));
        assert!(!exists("xtask/claims::numbers", &root()));
    }

    #[test]
    fn a_threat_that_is_missing_is_named() {
        let table = |numbers: &mut dyn Iterator<Item = usize>| {
            let rows: Vec<_> = numbers
                .map(|number| format!("| {number} | a | b/c::d |\n"))
                .collect();
            super::numbers(&super::rows(&rows.concat()))
        };
        assert!(table(&mut (1..=LAST_THREAT)).is_empty());
        let faults = table(&mut (1..=LAST_THREAT).filter(|number| *number != 15));
        assert!(faults[0].ends_with("missing: 15"), "{faults:?}");
        assert_eq!(table(&mut (1..=LAST_THREAT).rev()).len(), 1);
    }
}
