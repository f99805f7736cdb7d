//! What the published pages show of these clients is what the rows compile and run.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use std::{fs, path::PathBuf};

const PAGES: [&str; 4] = [
    "../hallpass-core/docs/closed.md",
    "../hallpass-reqwest/src/lib.rs",
    "../hallpass-tonic/src/lib.rs",
    "../hallpass-tower/docs/clients.md",
];

fn at(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Lines are broken elsewhere on a page, which the row's formatter does by itself.
fn without_space(code: &str) -> String {
    let code: String = code.split_whitespace().collect();
    code.replace(",)", ")")
}

/// The lines of the blocks that rustdoc does not compile.
fn shown(page: &str) -> Vec<String> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        let line = line.trim_start_matches("//!").trim();
        match line.strip_prefix("```") {
            Some(kind) => inside = kind == "ignore",
            None if inside => lines.push(line.to_owned()),
            None => {}
        }
    }
    lines
}

#[test]
fn every_line_that_a_page_shows_is_part_of_a_row() {
    let rows: String = fs::read_dir(at("src/rows"))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let rows = without_space(&rows);
    for page in PAGES {
        let lines = shown(&fs::read_to_string(at(page)).unwrap());
        assert!(lines.len() > 5, "{page}");
        for line in lines {
            assert!(rows.contains(&without_space(&line)), "{page}: {line}");
        }
    }
}
