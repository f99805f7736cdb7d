//! The page of events names each one that there is, and no other.

use std::{collections::BTreeSet, fs, path::Path};

const PAGE: &str = include_str!("../../docs/observability.md");

/// What stands in the page's tables in the column of messages, with its crate.
fn documented() -> BTreeSet<(String, String)> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| "));
    let rows = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    rows.filter(|row| matches!(row.get(1), Some(&("debug" | "info" | "warn" | "error"))))
        .map(|row| {
            let message = row[2].trim_start_matches("span ").trim_matches('`');
            (row[0].to_owned(), message.to_owned())
        })
        .collect()
}

/// The messages of all events and spans in a folder of sources.
fn emitted(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            emitted(&path, found);
        } else if path.extension().is_some_and(|rs| rs == "rs") {
            found.extend(messages(&fs::read_to_string(path).unwrap()));
        }
    }
}

/// A message is the first text behind the target that is no field's value.
fn messages(code: &str) -> Vec<String> {
    let events = ["error!(", "warn!(", "info!(", "debug!(", "debug_span!("];
    let calls = events.iter().flat_map(|event| {
        code.match_indices(event)
            .map(|(at, event)| at + event.len())
    });
    calls
        .filter_map(|at| {
            let call = code[at..]
                .trim_start()
                .strip_prefix("target: \"hallpass\"")?;
            let (_, rest) = call.split_once('"')?;
            Some(rest.split_once('"')?.0.to_owned())
        })
        .collect()
}

#[test]
fn every_event_is_on_the_page_and_every_row_is_an_event() {
    let documented = documented();
    assert!(documented.len() > 30, "{documented:?}");
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let named: BTreeSet<&str> = documented.iter().map(|(name, _)| name.as_str()).collect();
    for name in [
        "core",
        "tower",
        "hyper",
        "reqwest",
        "tonic",
        "oauth2",
        "shared",
        "redis",
        "postgres",
        "metrics",
        "opentelemetry",
    ] {
        let mut found = Vec::new();
        emitted(&crates.join(format!("hallpass-{name}/src")), &mut found);
        let rows = documented.iter().filter(|(owner, _)| owner == name);
        let rows: Vec<&str> = rows.map(|(_, message)| message.as_str()).collect();
        let is = |row: &str, message: &str| match row.strip_suffix('…') {
            Some(start) => message.starts_with(start.trim_end()),
            None => message == row,
        };
        for message in &found {
            let has_row = rows.iter().any(|row| is(row, message));
            assert!(
                has_row,
                "hallpass-{name} says {message:?}, and the page does not"
            );
        }
        for row in rows {
            let is_said = found.iter().any(|message| is(row, message));
            assert!(is_said, "hallpass-{name} never says {row:?}");
        }
        assert_eq!(named.contains(name), !found.is_empty(), "{name}");
    }
}
