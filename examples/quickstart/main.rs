//! Five systems and what Hallpass does for their clients, watched in a few seconds.
//!
//! ```text
//! cargo run --example quickstart
//! ```
//!
//! Each system is played by a server in this process. `systems.rs` sets the five clients up and
//! is what a program of your own would hold; `acts.rs` uses them and checks everything that is
//! printed against the server's journal.

mod acts;
mod stage;
mod story;
mod systems;

use std::{
    io::{IsTerminal as _, Write as _, stdout},
    process::ExitCode,
};

use tokio::time::Instant;

use crate::story::Style;

#[tokio::main]
async fn main() -> ExitCode {
    let style = Style::new(stdout().is_terminal());
    let start = Instant::now();
    print(&format!(
        "Five systems, each played by a server in this process. Tokens live {} s here, so that \
         their renewal can be watched.",
        systems::LIFETIME.as_secs()
    ));

    let systems = [
        ("Atlar", tokio::spawn(systems::atlar(start))),
        ("IS2 Atlas", tokio::spawn(systems::is2(start))),
        ("Ataccama ONE", tokio::spawn(systems::ataccama(start))),
        ("Atomic", tokio::spawn(systems::atomic(start))),
        ("oauth-v2", tokio::spawn(systems::oauth_v2(start))),
    ];
    let count = systems.len();
    let (mut calls, mut token_requests, mut failed) = (0, 0, 0);
    let mut faults = Vec::new();
    for (name, opening) in systems {
        let mut stage = match opening.await {
            Ok(Ok(stage)) => stage,
            Ok(Err(error)) => {
                faults.push(format!("{name}: {error}"));
                continue;
            }
            Err(error) => {
                faults.push(format!("{name}: {error}"));
                continue;
            }
        };
        // One after the other: a thousand calls at once would make the clocks of the rest useless.
        stage.revoke_under_load().await;
        stage.close_the_books();
        print(&format!("\n{}", stage.story.show(&style)));
        calls += stage.calls;
        failed += stage.failed;
        token_requests += stage.token_requests();
        faults.extend(stage.story.faults().map(|fault| format!("{name}: {fault}")));
    }

    if faults.is_empty() {
        print(&format!(
            "\nok: {count} systems, {calls} calls, {token_requests} token requests, {failed} failed"
        ));
        return ExitCode::SUCCESS;
    }
    let faults = format!("failed: {}", faults.join("; "));
    print(&format!("\n{}", style.alarm(&faults)));
    ExitCode::FAILURE
}

/// As `println!`, but no panic if nobody reads any more: the exit status still tells.
fn print(text: &str) {
    let _ = writeln!(stdout(), "{text}");
}
