//! Every fault of a network and of a server, on the way to the token endpoint and on the way to the
//! API, with every adapter: what the caller sees, what the server gets, and when all is well again.
//!
//! `HALLPASS_FAULTS=HTML cargo test -p hallpass-conformance --test faults -- --nocapture` plays the
//! rows whose title has that.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may panic, and prints its tables"
)]

mod api_leg;
#[path = "../callers/mod.rs"]
mod callers;
mod cell;
mod fault;
mod page;
mod row;
mod rows;
mod stage;
mod token_leg;

use std::{collections::HashSet, sync::Arc};

use callers::Stack;
use cell::Cell;
use row::{Leg, Row};
use tokio::{sync::Semaphore, task::JoinSet};

/// How many cells run at a time: nearly all of them wait for something.
const PLACES: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_has_the_consequences_that_the_page_names() {
    let places = Arc::new(Semaphore::new(PLACES));
    let only = std::env::var("HALLPASS_FAULTS").ok();
    let mut rows = rows::all();
    if let Some(only) = &only {
        rows.retain(|row| row.title().contains(only));
        assert!(!rows.is_empty(), "no row has {only:?} in its title");
    }
    let rows: Vec<_> = rows.into_iter().map(Arc::new).collect();
    let mut running = JoinSet::new();
    // Those that take longest begin first.
    let mut order: Vec<_> = (0..rows.len()).collect();
    order.sort_by_key(|at| !rows[*at].is_slow);
    for at in order {
        for stack in Stack::ALL {
            let (row, places) = (rows[at].clone(), places.clone());
            running.spawn(async move {
                let _place = places.acquire_owned().await;
                (at, stack, Cell::play(&row, stack).await)
            });
        }
    }
    let mut cells: Vec<_> = running.join_all().await;
    cells.sort_by_key(|(at, stack, _)| (*at, Stack::ALL.iter().position(|one| one == stack)));
    let seen: Vec<_> = cells
        .iter()
        .map(|(at, _, cell)| (&*rows[*at], cell))
        .collect();
    println!("{}", page::seen(&seen));
    let failures: Vec<_> = seen
        .iter()
        .filter_map(|(row, cell)| Some(format!("{}: {}", row.title(), cell.failure()?)))
        .collect();
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
    if only.is_some() {
        return;
    }
    let rows: Vec<&Row> = rows.iter().map(|row| &**row).collect();
    let page = page::expected(&rows);
    println!("{page}");
    assert!(
        include_str!("../../docs/faults.md").ends_with(&page),
        "docs/faults.md has other tables: replace them by those printed with --nocapture"
    );
}

#[test]
fn each_row_stands_once_on_each_leg() {
    let mut seen = HashSet::new();
    for row in rows::all() {
        assert!(
            seen.insert((row.leg == Leg::Api, row.name)),
            "twice: {}",
            row.title()
        );
    }
}
