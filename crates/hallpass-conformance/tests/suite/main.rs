//! One table of behaviours, one test body, all adapters.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may panic, and prints its matrix"
)]

mod adapter;
mod adapters;
mod case;
mod matrix;
mod run;
mod stage;
mod table;

use std::collections::HashSet;

use adapter::Adapter;
use adapters::{Reqwest, Tonic, Tower};
use case::{Case, Differs};

type Table = Vec<(&'static str, Vec<Case>)>;

/// Every case with one adapter; what failed.
async fn all<A: Adapter>(adapter: A, table: &Table) -> Vec<String> {
    let mut failures = Vec::new();
    for case in table.iter().flat_map(|(_, cases)| cases) {
        let name = adapter.name();
        let differs = case.differs.iter().find(|(who, _)| *who == name);
        let then = match differs.map(|(_, differs)| differs) {
            None => &case.then,
            Some(Differs::Expects(then, _)) => then,
            Some(Differs::NotApplicable(_)) => continue,
        };
        if let Err(found) = run::run(adapter.clone(), case, then).await {
            failures.push(format!("{name} / {}: {found}", case.name));
        }
    }
    failures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_adapter_shows_every_behaviour() {
    let table = table::table();
    let (one, two, reqwest, tonic) = (Tower::http1(), Tower::http2(), Reqwest::new(), Tonic);
    let names = [one.name(), two.name(), reqwest.name(), tonic.name()];
    let failures = [
        all(one, &table).await,
        all(two, &table).await,
        all(reqwest, &table).await,
        all(tonic, &table).await,
    ]
    .concat();
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
    let matrix = matrix::markdown(&table, &names);
    println!("{matrix}");
    assert!(
        include_str!("../../README.md").ends_with(&matrix),
        "the README has another matrix: replace it by the one that is printed with --nocapture"
    );
}

#[test]
fn the_table_names_each_case_once_and_only_adapters_that_exist() {
    let mut seen = HashSet::new();
    for case in table::table().iter().flat_map(|(_, cases)| cases) {
        assert!(seen.insert(case.name), "twice: {}", case.name);
        for (adapter, _) in &case.differs {
            let known = ["tower, HTTP/1.1", "tower, HTTP/2", "reqwest", "tonic"];
            assert!(known.contains(adapter), "{}: {adapter}", case.name);
        }
    }
}
