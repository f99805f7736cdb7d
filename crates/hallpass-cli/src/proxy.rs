//! `hallpass proxy`: a local reverse proxy that puts a fresh credential on every request to one API,
//! for programs that can't get one themselves.
//!
//! ```text
//! program ──▶ listen ──▶ guard ──▶ forward ──▶ BearerLayer ──▶ hallpass-hyper ──▶ API
//!                          │          └── upgrade: WebSocket and the like, as a tunnel
//!                          └── health
//! ```

mod answer;
mod calls;
mod forward;
mod guard;
mod headers;
mod health;
mod listen;
mod location;
mod serve;
mod signals;
mod upgrade;
mod upstream;

use std::{path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use clap::Args;
use hallpass::config::Reference;
use serde::Serialize;
use tokio_util::task::TaskTracker;

use self::{guard::Guard, listen::Listener, signals::Signals, upstream::Upstream};
use crate::{
    duration,
    exit::{Exit, Failure},
    output,
    target::TargetArgs,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ACME_SECRET=… hallpass proxy acme.toml --client-id my-client --listen 127.0.0.1:8080 https://api.acme.example
  curl http://127.0.0.1:8080/v2/accounts          # the token goes along
  hallpass proxy acme --listen unix:/run/user/1000/acme.sock https://api.acme.example
  curl http://127.0.0.1:8080/healthz              # how long the token still lives

HTTP/1.1, HTTP/2 without TLS (by prior knowledge), gRPC, WebSocket and event streams pass. A request that
the API answers with 401 is sent once more with a new token, with its body up to --replay-limit.
Signals: HUP reads the settings anew, TERM and INT let requests end; a second one does not.

Exit codes: 0 ended by a signal, 1 the address can't be listened on, 2 configuration.";

/// Whole bodies of this size are kept for a replay. More than the layer's own limit: this proxy has
/// few callers, and they can't send again themselves.
const REPLAY_LIMIT: usize = 2 * 1024 * 1024;

#[derive(Debug, Args)]
pub(crate) struct ProxyArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// The API: https://host, with a path in front of all others if it has one
    upstream: String,
    /// The address to listen on, on this machine: 127.0.0.1:8080, or unix:/path with a socket for
    /// yourself alone
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Listens on an address that other machines reach: whoever does may use the credential
    #[arg(long)]
    dangerously_allow_remote: bool,
    /// A further name that callers may use for this proxy in Host
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    /// Where a secret is that callers must send as "Proxy-Authorization: Bearer …"
    #[arg(long, value_name = "PLACE")]
    caller_secret: Option<String>,
    /// The path of the health page, which is not passed on
    #[arg(long, value_name = "PATH", default_value = "/healthz")]
    health: String,
    /// Bytes of a body that are kept for a replay
    #[arg(long, value_name = "BYTES", default_value_t = REPLAY_LIMIT)]
    replay_limit: usize,
    /// How long requests may go on after a signal to end
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    grace: Duration,
    /// Prints the address as an object on standard output
    #[arg(long)]
    json: bool,
    /// Writes the process id to a file
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
}

/// What every connection needs.
struct Proxy {
    upstream: ArcSwap<Upstream>,
    /// Connections that have changed their protocol.
    tunnels: TaskTracker,
    guard: Guard,
    health: String,
}

/// What `--json` prints once it listens.
#[derive(Serialize)]
struct Listening<'a> {
    #[serde(rename = "listening")]
    address: &'a str,
    upstream: String,
    client: &'a str,
}

pub(crate) async fn run(args: ProxyArgs) -> Result<Exit, Failure> {
    if !args.health.starts_with('/') {
        return Err(Failure::configuration(
            "--health takes a path, such as /healthz",
        ));
    }
    let signals = Signals::new()?;
    let upstream = Upstream::of(&args).await?;
    let listener = Listener::bind(&args.listen, args.dangerously_allow_remote).await?;
    let secret = match &args.caller_secret {
        None => None,
        Some(place) => Some(caller_secret(place)?),
    };
    if let Some(path) = &args.pid_file {
        std::fs::write(path, format!("{}\n", std::process::id())).map_err(|error| {
            Failure::configuration(format!("--pid-file {}: {error}", path.display()))
        })?;
    }
    let address = listener.address();
    announce(&args, &address, &upstream)?;
    let proxy = Arc::new(Proxy {
        upstream: ArcSwap::from_pointee(upstream),
        tunnels: TaskTracker::new(),
        guard: Guard::new(!listener.is_unix(), &args.allow_host, secret),
        health: args.health.clone(),
    });
    let pid_file = args.pid_file.clone();
    serve::serve(Arc::new(args), &proxy, listener, signals).await;
    if let Some(path) = pid_file {
        let _ = std::fs::remove_file(path);
    }
    Ok(Exit::Done)
}

fn caller_secret(place: &str) -> Result<Reference, Failure> {
    let wrong = |error| Failure::configuration(format!("--caller-secret: {error}"));
    let reference = Reference::parse(place).map_err(wrong)?;
    if reference.read().map_err(wrong)?.is_empty() {
        return Err(Failure::configuration("--caller-secret: it is empty"));
    }
    Ok(reference)
}

fn announce(args: &ProxyArgs, address: &str, upstream: &Upstream) -> Result<(), Failure> {
    if args.json {
        output::json(&Listening {
            address,
            upstream: upstream.base(),
            client: upstream.name(),
        })?;
    }
    output::note(&format!(
        "hallpass: listening on {address} for {} as \"{}\"",
        upstream.base(),
        upstream.name()
    ));
    Ok(())
}
