//! Running the command, and what came of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use hallpass_testkit::Server;
use serde_json::Value;

/// What stands in the environment for `--secret env:SECRET`.
pub(crate) const SECRET: &str = "s3cr3t-from-the-environment";

/// What a run printed.
pub(crate) struct Run {
    pub(crate) code: i32,
    /// Of `call --json`: a line for each call.
    pub(crate) calls: Vec<Value>,
    /// And the last line.
    pub(crate) totals: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        for text in [&stdout, &stderr] {
            assert!(!text.contains(SECRET), "{text}");
            assert!(!text.contains("panicked"), "{text}");
        }
        let mut lines: Vec<&str> = stdout.lines().collect();
        let totals = lines.pop().unwrap_or_default().to_owned();
        let calls = lines
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        Self {
            code: output.status.code().unwrap(),
            calls,
            totals,
            stdout,
            stderr,
        }
    }

    pub(crate) fn totals(&self) -> Value {
        serde_json::from_str(&self.totals).unwrap()
    }

    /// The object that `--json` printed.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{}", self.stdout))
    }

    /// Whether it was refused before anything was sent, with all of this on standard error.
    pub(crate) fn refused(&self, parts: &[&str]) {
        assert_eq!(
            (self.code, self.stdout.as_str()),
            (2, ""),
            "{}",
            self.stderr
        );
        for part in parts {
            let text = &self.stderr;
            assert!(text.contains(part), "{part:?} is not in: {text}");
        }
    }
}

/// The command, without what the environment of the tests may hold.
pub(crate) fn command<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hallpass"));
    command
        .args(args)
        .env("SECRET", SECRET)
        .env("HOME", "/nonexistent")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_CACHE_HOME")
        .env_remove("HALLPASS_CONFIG")
        .env_remove("HALLPASS_CACHE_KEY")
        .stdin(Stdio::null());
    command
}

/// Runs it to its end beside the server, which needs the runtime meanwhile.
pub(crate) async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

pub(crate) async fn finished(command: Command) -> Run {
    Run::of(output(command).await)
}

pub(crate) async fn hallpass<'a>(args: impl IntoIterator<Item = &'a str>) -> Run {
    finished(command(args)).await
}

/// `hallpass call --json` with these arguments.
pub(crate) async fn call<'a>(args: impl IntoIterator<Item = &'a str>) -> Run {
    hallpass(["call", "--json"].into_iter().chain(args)).await
}

/// A plain server, and the arguments that go with it up to the URL.
pub(crate) async fn generic() -> (Server, Vec<String>) {
    let server = Server::builder().client("client", SECRET).start().await;
    let args = generic_args(&server);
    (server, args)
}

pub(crate) fn generic_args(server: &Server) -> Vec<String> {
    let mut args = client_args(server);
    args.push(format!("{}/items", server.url()));
    args
}

/// The client of a plain server.
pub(crate) fn client_args(server: &Server) -> Vec<String> {
    let token_url = server.token_url();
    let fixed = "generic --client-id client --secret env:SECRET --token-url";
    fixed
        .split(' ')
        .chain([token_url.as_str()])
        .map(str::to_owned)
        .collect()
}

/// [`call_generic`] that runs on beside the test.
pub(crate) fn spawn_call(args: &[String], more: &[&str]) -> Child {
    let args = args.iter().map(String::as_str).chain(more.iter().copied());
    command(["call", "--json"].into_iter().chain(args))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(crate) async fn call_generic(args: &[String], more: &[&str]) -> Run {
    call(args.iter().map(String::as_str).chain(more.iter().copied())).await
}

/// A command for the client of a plain server.
pub(crate) async fn with_client(name: &str, server: &Server, more: &[&str]) -> Run {
    let client = client_args(server);
    let client = client.iter().map(String::as_str);
    hallpass([name].into_iter().chain(client).chain(more.iter().copied())).await
}

/// A folder that goes away with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hallpass-cli-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).unwrap();
        self.path(name)
    }

    pub(crate) fn as_path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
