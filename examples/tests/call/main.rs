//! The example `call`, run as a user runs it, against the testkit.

#![allow(
    clippy::unwrap_used,
    reason = "clippy sees tests in functions marked as such, and not in those that help them"
)]

#[path = "../common/mod.rs"]
mod common;

mod arguments;
mod credentials;
mod failures;
mod pace;
mod shipped;

use std::process::{Command, Output};

use hallpass_testkit::Server;
use serde_json::Value;

/// What stands in the environment for `--client-secret-env SECRET`.
const SECRET: &str = "s3cr3t-from-the-environment";

/// What a run printed.
struct Run {
    code: i32,
    calls: Vec<Value>,
    totals: String,
    stdout: String,
    stderr: String,
}

impl Run {
    fn of(output: Output) -> Self {
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        for text in [&stdout, &stderr] {
            assert!(!text.contains(SECRET), "{text}");
            assert!(!text.contains("panicked"), "{text}");
        }
        let mut lines: Vec<&str> = stdout.lines().collect();
        let totals = lines.pop().unwrap_or_default().to_owned();
        let parse = |line: &&str| serde_json::from_str(line).unwrap();
        Self {
            code: output.status.code().unwrap(),
            calls: lines.iter().map(parse).collect(),
            totals,
            stdout,
            stderr,
        }
    }

    fn totals(&self) -> Value {
        serde_json::from_str(&self.totals).unwrap()
    }

    /// Whether it was refused before anything was sent, with this in its first line.
    fn refused(&self, parts: &[&str]) {
        assert_eq!(
            (self.code, self.stdout.as_str()),
            (2, ""),
            "{}",
            self.stderr
        );
        let sentence = self.stderr.lines().next().unwrap();
        for part in parts {
            assert!(sentence.contains(part), "{part:?} is not in: {sentence}");
        }
        assert!(self.stderr.contains("usage: call --profile"));
    }
}

fn command<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = common::example("call");
    command.args(args).env("SECRET", SECRET);
    command
}

async fn call<'a>(args: impl IntoIterator<Item = &'a str>) -> Run {
    Run::of(common::output(command(args)).await)
}

/// A plain server, and the arguments that go with it up to the URL.
async fn generic() -> (Server, Vec<String>) {
    let server = Server::builder().client("client", SECRET).start().await;
    let args = generic_args(&server);
    (server, args)
}

fn generic_args(server: &Server) -> Vec<String> {
    let token_url = server.token_url();
    let url = format!("{}/items", server.url());
    let fixed = "--profile generic --client-id client --client-secret-env SECRET --token-url";
    fixed
        .split(' ')
        .chain([token_url.as_str(), url.as_str()])
        .map(str::to_owned)
        .collect()
}

async fn call_generic(args: &[String], more: &[&str]) -> Run {
    call(args.iter().map(String::as_str).chain(more.iter().copied())).await
}
