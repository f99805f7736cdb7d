//! `--verbose`: the library's events on standard error. They hold no secret.

use std::io;

use tracing_subscriber::EnvFilter;

/// Once for what the engine decides, twice for everything.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => "hallpass=debug",
        _ => "hallpass=trace,h2=info,hyper=debug",
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(io::stderr)
        .init();
}
