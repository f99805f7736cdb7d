//! A blocking program that rotates a secret while other threads go on calling.
//!
//! ```text
//! cargo run -p atomic-example --example rotate
//! ```
//!
//! Atomic is played in this process. Against the real one, leave `api_url` out and take the OAuth URL
//! from the workbench.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    error::Error,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use atomic_example::{Atomic, Role};
use hallpass_testkit::{Server, System};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let server = runtime.block_on(Server::builder().system(System::Atomic).start());
    let server = Arc::new(server);
    let played = Arc::downgrade(&server);
    server
        .api()
        .route("GET /v1/1/cards", json!({"cards": [{"id": "card-1"}]}))
        .route_with("POST /v1/1/credentials/{id}/rotate", move |_| {
            if let Some(server) = played.upgrade() {
                server.set_secret("events-client", "another");
            }
            json!({"clientSecret": "another"})
        });

    let atomic = Atomic::builder("acme", server.token_url())
        .api_url(server.url())
        .role(Role::Auth, "auth-client", "auth-secret")
        .role(Role::Events, "events-client", "events-secret")
        .on_rotation(|role, client_id, _secret| {
            println!("saved another secret of {client_id} for {role:?}");
            Ok::<_, io::Error>(())
        })
        .build()?;

    let done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (atomic, done) = (atomic.clone(), Arc::clone(&done));
            let handle = runtime.handle().clone();
            thread::spawn(move || {
                let mut calls = 0;
                while !done.load(Ordering::Relaxed) || calls == 0 {
                    handle.block_on(atomic.cards())?;
                    calls += 1;
                    thread::sleep(Duration::from_millis(2));
                }
                Ok::<u32, atomic_example::Error>(calls)
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(50));
    runtime.block_on(atomic.rotate(Role::Events))?;
    // A call that still carries the token before may meet one revocation, and not two.
    thread::sleep(Duration::from_millis(50));
    server.revoke_all();
    thread::sleep(Duration::from_millis(50));
    done.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.join().map_err(|_| "a thread panicked")??;
    }
    let refused = server.journal().token_with_status(400);
    println!("ok: no call failed, {refused} token requests with an old secret");
    Ok(())
}
