//! Local proxies that put a credential on requests, side by side: `hallpass proxy`, Envoy's
//! credential injector, nginx with a fixed header, and no proxy at all.
//!
//! `cargo xtask proxy [--seconds N]`
//!
//! One API on loopback stands behind all of them. Short turns of the same load go round the
//! contenders, so that what disturbs the machine disturbs them alike; each proxy has one worker
//! thread. Then each meets the same three troubles alone: all tokens revoked, a token endpoint that
//! is down for longer than a token lives, and an upload of 32 KiB with a token just revoked.
#![allow(clippy::print_stdout, reason = "a command-line tool")]

mod api;
mod caller;
mod contenders;
mod load;
mod trouble;

use std::{path::PathBuf, time::Duration};

use hallpass_benches::{machine, options::Options};

use self::{api::Api, contenders::Contender, load::Recorded, trouble::Seen};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How long each contender's turn of load is.
const TURN: Duration = Duration::from_millis(500);

fn main() -> Outcome<()> {
    let options = Options::of_process(&["--seconds", "--hallpass", "--nginx", "--envoy"])?;
    let program = |name: &str| options.text(name).map(PathBuf::from);
    let turns = 2 * options.number("--seconds", 20_u32)?.max(2);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    println!("{}\n", machine::line());
    runtime.block_on(async {
        // Tokens that outlive the load; nginx's has to.
        let api = Api::start(Duration::from_secs(3600))?;
        let mut all = vec![Contender::direct(&api)];
        for start in [Contender::hallpass, Contender::envoy, Contender::nginx] {
            all.push(start(&api, &program)?);
        }
        let mut rows = Vec::new();
        for contender in &all {
            contender.is_ready().await?;
            rows.push((contender.name, Recorded::default()));
        }
        for turn in 0..turns {
            for (at, contender) in all.iter().enumerate() {
                // The first turns fill connections and caches.
                let recorded = load::turn(contender, TURN).await?;
                if turn > 1 {
                    rows[at].1.add(recorded);
                }
            }
        }
        print_load(&rows, &all);
        drop(all);
        print_trouble(&troubles(&program).await?);
        Ok(())
    })
}

async fn troubles(program: &contenders::Program<'_>) -> Outcome<Vec<(&'static str, [Seen; 3])>> {
    let mut rows = Vec::new();
    for start in [Contender::hallpass, Contender::envoy, Contender::nginx] {
        rows.push(trouble::all(start, program).await?);
    }
    Ok(rows)
}

fn print_load(rows: &[(&str, Recorded)], all: &[Contender]) {
    println!(
        "| proxy | calls/s, {} in flight | p50, µs | p99, µs | memory, MiB | failed |",
        load::WORKERS
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for ((name, recorded), contender) in rows.iter().zip(all) {
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {} | {} |",
            recorded.throughput(),
            recorded.micros(0.5),
            recorded.micros(0.99),
            contender
                .resident()
                .map_or("–".to_owned(), |mib| format!("{mib:.1}")),
            recorded.failed,
        );
    }
}

fn print_trouble(rows: &[(&str, [Seen; 3])]) {
    println!("\n| proxy | {} |", trouble::EVENTS.join(" | "));
    println!("|---|---|---|---|");
    for (name, [revoked, down, upload]) in rows {
        println!("| {name} | {revoked} | {down} | {upload} |");
    }
}
