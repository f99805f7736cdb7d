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
mod expect;
mod load;
mod matrix;
mod run;
mod source;
mod stage;
mod table;

use std::collections::HashSet;

use adapter::Adapter;
use adapters::{Reqwest, Run, Tonic, Tower, names};
use case::{Case, Differs};
use tokio::{sync::Semaphore, task::JoinSet};

type Table = Vec<(&'static str, Vec<Case>)>;

/// How many cases run at a time: most of them wait for something.
static PLACES: Semaphore = Semaphore::const_new(4);

/// Every case with one adapter; what failed.
async fn all<A: Adapter>(adapter: A, table: &Table) -> Vec<String> {
    let mut running = JoinSet::new();
    for case in table.iter().flat_map(|(_, cases)| cases) {
        let name = adapter.name();
        let differs = case.differs.iter().find(|(who, _)| *who == name);
        let then = match differs.map(|(_, differs)| differs) {
            None => case.then.clone(),
            Some(Differs::Expects(then, _)) => then.clone(),
            Some(Differs::NotApplicable(_)) => continue,
        };
        let (adapter, case) = (adapter.clone(), case.clone());
        running.spawn(async move {
            let _place = PLACES.acquire().await;
            let outcome = run::run(adapter, &case, &then).await;
            outcome.map_err(|found| format!("{name} / {}: {found}", case.name))
        });
    }
    let outcomes = running.join_all().await;
    outcomes.into_iter().filter_map(Result::err).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_adapter_shows_every_behaviour() {
    let table = table::table();
    let failures: [Vec<String>; 5] = tokio::join!(
        all(Tower::http1(), &table),
        all(Tower::http2(), &table),
        all(Reqwest, &table),
        all(Tonic, &table),
        all(Run::new(), &table),
    )
    .into();
    let failures = failures.concat();
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
    let matrix = matrix::markdown(&table, &names::ALL);
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
        let mut said = HashSet::new();
        for (adapter, _) in &case.differs {
            assert!(names::ALL.contains(adapter), "{}: {adapter}", case.name);
            assert!(said.insert(adapter), "{}: {adapter} twice", case.name);
        }
    }
}
