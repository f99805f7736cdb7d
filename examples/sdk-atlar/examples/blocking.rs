//! A program without a runtime that uses the SDK.
//!
//! ```text
//! cargo run -p atlar-example --example blocking
//! ```
//!
//! Atlar is played in this process. Against the real one, leave `base_url` out and take access key and
//! secret from `Secret::env`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, thread};

use atlar_example::{Atlar, blocking};
use hallpass_testkit::{Server, System};

fn main() -> Result<(), Box<dyn Error>> {
    let stage = tokio::runtime::Runtime::new()?;
    let server = stage.block_on(Server::builder().system(System::Atlar).start());

    let atlar = Atlar::builder()
        .base_url(server.url())
        .credentials("client", "secret")
        .build()?;
    let atlar = blocking::Atlar::new(atlar)?;

    for account in atlar.accounts() {
        let account = account?;
        println!("{} {}", account.name, account.currency);
    }
    server.revoke_all();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let atlar = atlar.clone();
            thread::spawn(move || atlar.accounts().filter_map(Result::ok).count())
        })
        .collect();
    for thread in threads {
        let found = thread.join().map_err(|_| "a thread panicked")?;
        assert_eq!(found, 1);
    }
    println!("ok: {} token requests", server.journal().token_requests());
    Ok(())
}
