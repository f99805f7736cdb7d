//! The project's own commands: `cargo xtask test` runs everything that must pass.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

mod apt;
mod bench;
mod claims;
mod clients;
mod docs;
mod excerpts;
mod external_types;
mod faults;
mod fuzz;
mod install;
mod interop;
mod lean;
mod locked;
mod minimal;
mod miri;
mod model;
mod msrv;
mod mutants;
mod options;
mod packages;
mod proxy;
mod run;
mod simulate;
mod soak;
mod stores;
mod stress;
mod supply_chain;
mod test;
mod tools;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test      formatting, lints, docs, tests, examples, and the real servers
cargo xtask interop   only the real servers
cargo xtask clients   published clients with a credential underneath, revoked in mid-run [NAME…]
cargo xtask mcp       MCP's own tests of a client's authorization [SCENARIO…]
cargo xtask msrv      only: no dependency wants a newer Rust than the crate that needs it
cargo xtask minimal   only: the lowest versions that the manifests allow compile
cargo xtask docs      only: links lead somewhere, and quoted messages and lines are the code's
cargo xtask types     only: whose types the public interfaces name
cargo xtask supply-chain  licences, sources, bans and advisories of all dependencies
cargo xtask publish   everything about publishing but the upload
cargo xtask semver    the public interfaces against the last release's
cargo xtask claims    only: the tests that the tables of threats and rules name, and the lock file
cargo xtask mutants   changes to the engine, the door and the classifier that no test notices [--shard N/M | --list]
cargo xtask stores    only the shared stores: real servers in trouble, and fifty processes
cargo xtask lifetimes only: fifty processes share their tokens for ten lifetimes, and no call waits
cargo xtask model     the engine's shell under a model checker [--seconds N]
cargo xtask miri      the tests of what computes, under an interpreter that finds undefined behaviour
cargo xtask fuzz      made-up inputs for parsers [TARGET] [--seconds N]
cargo xtask stress    the engine's stress test, released and for a minute [--seconds N]
cargo xtask faults    every fault of a network and of a server, with every adapter, and the time to recovery
cargo xtask soak      a long mixed load with random trouble [--minutes N] [--seed N]
cargo xtask simulate  hours of trouble in paused time, and what they cost
cargo xtask bench     what a credential adds to a request [--peers] [--json|--markdown|--svg [FILE]] [--rounds N]
cargo xtask lean      how many crates each choice of features builds, and in what time [FEATURES…]
cargo xtask load      throughput and latency with a real server [--seconds N]
cargo xtask scale     a hundred thousand credentials
cargo xtask trouble   what callers notice of a server in trouble [--peers] [--ages N,N,N | --late] [--short] [--only EVENT]
                      [--contender NAME] [--in-turn] [--json|--markdown|--svg [FILE]]
cargo xtask proxy     local proxies side by side: hallpass proxy, Envoy, nginx [--seconds N]
cargo xtask fleet     ten thousand processes on a virtual clock [--svg [FILE]]";

fn main() -> ExitCode {
    if let Some(code) = external_types::as_rustdoc() {
        return code;
    }
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let outcome = match command.as_deref() {
        Some("test") => test::all(),
        Some("interop") => interop::run(),
        Some("clients") => clients::rows(&arguments.collect::<Vec<_>>()),
        Some("mcp") => clients::mcp(&arguments.collect::<Vec<_>>()),
        Some("msrv") => msrv::check(),
        Some("minimal") => minimal::check(),
        Some("docs") => docs::check(),
        Some("types") => external_types::check(),
        Some("supply-chain") => supply_chain::all(),
        Some("publish") => packages::dry_run(),
        Some("semver") => packages::semver(),
        Some("claims") => claims::check().and_then(|()| locked::check()),
        Some("mutants") => mutants::run(&arguments.collect::<Vec<_>>()),
        Some("stores") => stores::run(),
        Some("lifetimes") => stores::lifetimes(),
        Some("faults") => faults::run(),
        Some("soak") => soak::run(&arguments.collect::<Vec<_>>()),
        Some("simulate") => simulate::run(),
        Some("model") => model::run(&arguments.collect::<Vec<_>>()),
        Some("miri") => miri::run(),
        Some("fuzz") => fuzz::run(&arguments.collect::<Vec<_>>()),
        Some("stress") => stress::run(&arguments.collect::<Vec<_>>()),
        Some("bench") => bench::bench(arguments.collect()),
        Some("lean") => lean::measure(&arguments.collect::<Vec<_>>()),
        Some("load") => bench::load(arguments.collect()),
        Some("scale") => bench::scale(arguments.collect()),
        Some("trouble") => bench::trouble(arguments.collect()),
        Some("proxy") => proxy::compare(&arguments.collect::<Vec<_>>()),
        Some("fleet") => bench::fleet(arguments.collect()),
        _ => Err(HELP.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
