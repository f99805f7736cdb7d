//! The connection that operations share, and the runtimes that make it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hallpass_core::Error;
use hallpass_shared::link::{Connect, Failure, Link};
use tokio::{
    runtime::{Builder, Runtime},
    time::{Instant, sleep, timeout},
};

/// A server that takes connections after a second; each is its number.
#[derive(Default)]
struct Server {
    connections: AtomicU64,
}

impl Connect for Server {
    type Connection = u64;

    async fn connect(&self) -> Result<u64, Error> {
        let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        sleep(Duration::from_secs(1)).await;
        Ok(number)
    }
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

async fn connection(link: &Link<Server>) -> Result<u64, Error> {
    link.run(async |number| Ok::<_, Failure>(number)).await
}

/// A link of which this runtime has begun to make the connection.
fn begun_on(runtime: &Runtime) -> Arc<Link<Server>> {
    let link = Arc::new(Link::new(Server::default()));
    let used = Arc::clone(&link);
    let asked = runtime.block_on(async move {
        let limit = Duration::from_millis(250);
        timeout(limit, connection(&used)).await
    });
    assert!(asked.is_err(), "it takes a second");
    link
}

#[test]
fn another_runtime_connects_where_the_one_that_began_stands_still() {
    let (still, other) = (runtime(), runtime());
    let link = begun_on(&still);
    let connected = other.block_on(async {
        let begun = Instant::now();
        let limit = Duration::from_secs(60);
        let asking = (0..10).map(|_| {
            let link = Arc::clone(&link);
            tokio::spawn(async move { timeout(limit, connection(&link)).await })
        });
        for one in asking.collect::<Vec<_>>() {
            let connected = one.await.unwrap();
            assert_eq!(connected.expect("an outcome").unwrap(), 2);
        }
        begun.elapsed()
    });
    assert!(connected <= Duration::from_secs(8), "{connected:?}");
    // What the first one makes when it is woken is of no use any more.
    still.block_on(async { sleep(Duration::from_secs(2)).await });
    assert_eq!(other.block_on(connection(&link)).unwrap(), 2);
}

#[test]
fn a_runtime_that_goes_takes_its_attempt_along() {
    let (gone, other) = (runtime(), runtime());
    let link = begun_on(&gone);
    drop(gone);
    assert_eq!(other.block_on(connection(&link)).unwrap(), 2);
}

#[test]
fn one_that_still_runs_is_waited_for() {
    let one = runtime();
    let link = begun_on(&one);
    assert_eq!(one.block_on(connection(&link)).unwrap(), 1);
}
