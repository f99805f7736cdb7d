//! A real server on loopback, with and without the layer: throughput, tails, renewals, and one mass
//! revocation.
//!
//! `cargo xtask load [--seconds N]`
//!
//! Each protocol runs for so long. Tokens live for two seconds. All along, short slices of three
//! kinds of traffic take turns, so that what disturbs the machine disturbs them alike: without the
//! layer, with it and a static token, with it and tokens that are renewed. In the middle of a leg
//! all tokens are revoked while a thousand calls are in flight; what that does to the tails is told
//! apart. Each leg has a server, clients and threads of its own, because where those happen to lie
//! in memory makes a client faster or slower by some hundredths for as long as it lives.
#![allow(clippy::print_stdout, reason = "a command-line tool")]

mod failures;
mod report;
mod revocation;
mod server;
mod source;
mod token;
mod traffic;

use std::{fmt, time::Duration};

use hallpass_benches::{machine, options::Options, targets};
use tokio::runtime::Builder;

use self::{
    report::{Leg, Report},
    server::Server,
    traffic::{Clients, Traffic},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        })
    }
}

const LEGS: u32 = 6;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let options = Options::of_process(&["--seconds"])?;
    let seconds: u64 = options.number("--seconds", 60)?;
    let half = Duration::from_secs(seconds.max(6)) / LEGS / 2;
    println!("{}", machine::line());
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut report = Report::new(protocol);
        for _ in 0..LEGS {
            // One thread for all: what a call takes is then what it costs. With a thread for each
            // side, how well they happen to keep pace would decide.
            let runtime = Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()?;
            report.add(runtime.block_on(leg(protocol, half))?);
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
        report.print();
        targets::print(&report.targets());
    }
    Ok(())
}

async fn leg(protocol: Protocol, half: Duration) -> Outcome<Leg> {
    let server = Server::start(protocol).await?;
    let clients = Clients::new(protocol, &server).await?;
    let traffic = Traffic::start(&clients);
    tokio::time::sleep(Duration::from_secs(1)).await;

    let before = clients.renewing().stats();
    traffic.record(true);
    tokio::time::sleep(half).await;
    traffic.record(false);
    let middle = clients.renewing().stats();
    let revocation = revocation::revoke(&clients, &server).await?;
    let after = clients.renewing().stats();
    traffic.record(true);
    tokio::time::sleep(half).await;
    traffic.record(false);
    let end = clients.renewing().stats();

    let recorded = traffic.stop().await?;
    Ok(Leg {
        recorded,
        revocation,
        waits: (middle.waits - before.waits) + (end.waits - after.waits),
        token_requests: (middle.fetches - before.fetches) + (end.fetches - after.fetches),
        seconds: (2 * half).as_secs_f64(),
    })
}
