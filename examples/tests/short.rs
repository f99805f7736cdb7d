//! The short examples, each run as a user runs it.

mod common;

use std::{
    io::{BufRead as _, BufReader},
    net::TcpStream,
    process::{Command, Stdio},
    time::Duration,
};

use tokio::time::Instant;

/// They take a second or three; a loaded machine may take longer.
const LIMIT: Duration = Duration::from_secs(15);

async fn ends_with(name: &str, last: &str) {
    program_ends_with(common::example(name), last).await;
}

async fn program_ends_with(program: Command, last: &str) {
    let start = Instant::now();
    let output = common::output(program).await;
    let took = start.elapsed();
    let text = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{complaint}");
    assert_eq!(text.lines().last(), Some(last), "{text}");
    assert_eq!(complaint, "");
    assert!(took < LIMIT, "{took:?}");
    assert!(!text.contains("Bearer "), "{text}");
}

#[tokio::test]
async fn reqwest_client() {
    let last = "ok: 2 tokens fetched, 1 rejected, 1 request replayed, 0 failed";
    ends_with("reqwest_client", last).await;
}

#[tokio::test]
async fn tonic_client() {
    let last = "ok: 3 tokens fetched, 2 rejected, 2 calls replayed, 0 failed";
    ends_with("tonic_client", last).await;
}

#[tokio::test]
async fn hyper_client() {
    let last = "ok: 4 clients, 5 tokens fetched, 4 requests replayed, 0 failed";
    ends_with("hyper_client", last).await;
}

#[tokio::test]
async fn dpop() {
    ends_with(
        "dpop",
        "ok: 2 tokens fetched, no proof sent twice, 0 failed",
    )
    .await;
}

#[tokio::test]
async fn custom_source() {
    let last = "ok: the vault was asked 9 times, 3 of them in vain";
    ends_with("custom_source", last).await;
}

#[tokio::test]
async fn roles() {
    let last = "ok: 3 roles, 4 token requests, 1 request replayed, 0 failed";
    ends_with("roles", last).await;
}

#[tokio::test]
async fn gateway() {
    let mut program = common::example("gateway");
    program.arg("2000");
    program_ends_with(program, "ok: 2000 tenants, 0 evicted, 0 failed").await;
}

#[tokio::test]
async fn tower_stack() {
    ends_with("tower_stack", "ok: 3 token requests, 0 failed").await;
}

#[test]
fn server_says_what_to_paste_and_stays() {
    let mut program = common::example("server");
    let mut running = program.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let mut said: Vec<String> = Vec::new();
    for line in lines {
        said.push(line.unwrap());
        if said.last().is_some_and(|line| line.starts_with("Ctrl-C")) {
            break;
        }
    }
    let said = said.join("\n");
    let address = said.split("http://").nth(1).unwrap();
    let stays = TcpStream::connect(address.split('/').next().unwrap());
    running.kill().unwrap();
    running.wait().unwrap();

    assert!(stays.is_ok(), "{said}");
    let url = said
        .lines()
        .find_map(|line| line.strip_prefix("token URL  "))
        .unwrap();
    for command in ["hallpass token", "hallpass call"] {
        let line = format!("\n{command} generic --token-url {url}");
        assert!(said.contains(&line), "{said}");
    }
    assert!(said.contains("curl -i -H @- http://127.0.0.1:"), "{said}");
}
