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

use std::{collections::HashSet, sync::Arc};

use adapter::Adapter;
use adapters::{Reqwest, Run, Tonic, Tower, names};
use case::{Case, Differs};
use tokio::{sync::Semaphore, task::JoinSet};

type Table = Vec<(&'static str, Vec<Case>)>;

/// How many cases run at a time: most of them wait for something.
const AT_A_TIME: usize = 4;

/// Every case with one adapter; what failed.
async fn all<A: Adapter>(adapter: A, table: &Table) -> Vec<String> {
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut running = JoinSet::new();
    let only = std::env::var("CONFORMANCE_CASE").unwrap_or_default();
    for case in table.iter().flat_map(|(_, cases)| cases) {
        let name = adapter.name();
        let differs = case.differs.iter().find(|(who, _)| *who == name);
        let then = match differs.map(|(_, differs)| differs) {
            None => case.then.clone(),
            Some(Differs::Expects(then, _)) => then.clone(),
            Some(Differs::NotApplicable(_)) => continue,
        };
        if !case.name.contains(&only) {
            continue;
        }
        let (adapter, case, places) = (adapter.clone(), case.clone(), Arc::clone(&places));
        running.spawn(async move {
            let _place = places.acquire_owned().await;
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
    let failures = [
        all(Tower::http1(), &table).await,
        all(Tower::http2(), &table).await,
        all(Reqwest, &table).await,
        all(Tonic, &table).await,
        all(Run::new(), &table).await,
    ]
    .concat();
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
