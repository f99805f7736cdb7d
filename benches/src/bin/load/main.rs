//! A real server on loopback, with and without the layer: throughput, tails, renewals, and one mass
//! revocation.
//!
//! `cargo xtask load [--seconds N]`
//!
//! Each protocol runs for so long. Tokens live for two seconds. All along, short slices of three
//! kinds of traffic take turns, so that what disturbs the machine disturbs them alike: without the
//! layer, with it and a static token, with it and tokens that are renewed. In mid-run all tokens
//! are revoked while a thousand calls are in flight; what that does to the tails is told apart.
#![allow(clippy::print_stdout, reason = "a command-line tool")]

mod report;
mod revocation;
mod server;
mod source;
mod token;
mod traffic;

use std::{fmt, time::Duration};

use hallpass_benches::{machine, options::Options, targets};
use tokio::runtime::{Builder, Runtime};

use self::{
    report::Report,
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

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let options = Options::of_process(&["--seconds"])?;
    let seconds: u64 = options.number("--seconds", 60)?;
    let half = Duration::from_secs(seconds.max(4)) / 2;
    println!("{}", machine::line());
    for protocol in [Protocol::Http1, Protocol::Http2] {
        // One thread for the server and one for the clients.
        let (servers, clients) = (runtime()?, runtime()?);
        let server = servers.block_on(Server::start(protocol))?;
        let report = clients.block_on(measure(protocol, server, half))?;
        report.print();
        targets::print(&report.targets());
        clients.shutdown_background();
        servers.shutdown_background();
    }
    Ok(())
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
}

async fn measure(protocol: Protocol, server: Server, half: Duration) -> Outcome<Report> {
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
    Ok(Report {
        protocol,
        recorded,
        revocation,
        waits: (middle.waits - before.waits) + (end.waits - after.waits),
        token_requests: (middle.fetches - before.fetches) + (end.fetches - after.fetches),
        seconds: (2 * half).as_secs_f64(),
    })
}
