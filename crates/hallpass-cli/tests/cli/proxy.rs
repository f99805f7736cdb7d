//! `hallpass proxy`: a program without a credential calls the API through it.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStderr, Stdio},
    time::Duration,
};

use ::hallpass::hyper::{Builder, Client};
use bytes::Bytes;
use hallpass_testkit::{Server, fnv1a64};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use tower::ServiceExt as _;

use super::common::{SECRET, client_args, command, generic, hallpass};

/// A proxy that runs, and ends with the test.
pub(crate) struct Proxy {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// What it has said on standard error so far, as far as that was read.
    said: String,
    pub(crate) url: String,
}

impl Proxy {
    pub(crate) async fn start(server: &Server, upstream: &str, more: &[&str]) -> Self {
        let client = client_args(server);
        let args: Vec<&str> = client
            .iter()
            .map(String::as_str)
            .chain([upstream])
            .collect();
        Self::of(&args, more).await
    }

    pub(crate) async fn of(args: &[&str], more: &[&str]) -> Self {
        let fixed = ["proxy", "--json"];
        let mut args: Vec<&str> = fixed.into_iter().chain(args.iter().copied()).collect();
        if !more.contains(&"--listen") {
            args.extend(["--listen", "127.0.0.1:0"]);
        }
        args.extend(more);
        let mut command = command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let first = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).unwrap();
            line
        });
        let first = first.await.unwrap();
        let Ok(listening) = serde_json::from_str::<Value>(&first) else {
            let _ = child.kill();
            let mut stderr = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut stderr)
                .unwrap();
            panic!("it does not listen: {stderr}");
        };
        let url = listening["listening"].as_str().unwrap().to_owned();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self {
            child,
            stderr,
            said: String::new(),
            url,
        }
    }

    /// Waits until it has said this on standard error.
    pub(crate) fn says(&mut self, text: &str) {
        while !self.said.contains(text) {
            let read = tokio::task::block_in_place(|| self.stderr.read_line(&mut self.said));
            assert!(read.unwrap() > 0, "{}", self.said);
        }
    }

    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// The exit code and standard error, once it has ended.
    pub(crate) async fn ended(mut self) -> (i32, String) {
        tokio::task::spawn_blocking(move || {
            self.stderr.read_to_string(&mut self.said).unwrap();
            let code = self.child.wait().unwrap().code().unwrap();
            (code, std::mem::take(&mut self.said))
        })
        .await
        .unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn http() -> Client<Full<Bytes>> {
    Builder::new().client().unwrap()
}

pub(crate) async fn send(request: Request<Full<Bytes>>) -> Response<hyper::body::Incoming> {
    http().oneshot(request).await.unwrap()
}

pub(crate) async fn get(url: &str) -> (StatusCode, Bytes) {
    let request = Request::get(url).body(Full::default()).unwrap();
    let response = send(request).await;
    let status = response.status();
    (
        status,
        response.into_body().collect().await.unwrap().to_bytes(),
    )
}

fn post(url: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    Request::post(url).body(Full::new(body.into())).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_goes_along_and_a_revocation_is_healed() {
    let (server, _) = generic().await;
    server
        .api()
        .route("/accounts", serde_json::json!([{"id": 1}]));
    let proxy = Proxy::start(&server, &server.url(), &[]).await;
    let url = format!("{}/accounts?page=2", proxy.url);
    assert_eq!(
        get(&url).await,
        (StatusCode::OK, Bytes::from(r#"[{"id":1}]"#))
    );
    server.revoke_all();
    assert_eq!(get(&url).await.0, StatusCode::OK);
    let journal = server.journal();
    assert_eq!(
        (journal.token_requests(), journal.api_with_status(401)),
        (2, 1)
    );
    let asked = journal.api().next().unwrap();
    assert_eq!(
        (asked.path.as_str(), asked.query.as_deref()),
        ("/accounts", Some("page=2"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_sent_again_after_a_401() {
    let (server, _) = generic().await;
    let proxy = Proxy::start(&server, &server.url(), &[]).await;
    let url = format!("{}/orders", proxy.url);
    // The first token is there before it is revoked.
    assert_eq!(get(&url).await.0, StatusCode::OK);
    for length in [32 * 1024, 1024 * 1024] {
        server.clear_journal();
        server.revoke_all();
        let body: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let digest = fnv1a64(&body);
        let response = send(post(&url, body)).await;
        let (head, answer) = response.into_parts();
        let answer = answer.collect().await.unwrap().to_bytes();
        assert_eq!(head.status, StatusCode::OK, "{length} {answer:?}");
        let journal = server.journal();
        assert_eq!(journal.api_with_status(401), 1);
        let done = journal.api().find(|entry| entry.status == 200).unwrap();
        assert_eq!(fnv1a64(&done.body), digest);
    }
    // Past the limit the caller gets the 401, and the next request a new token.
    let proxy = Proxy::start(&server, &server.url(), &["--replay-limit", "1000"]).await;
    let url = format!("{}/orders", proxy.url);
    assert_eq!(get(&url).await.0, StatusCode::OK);
    server.revoke_all();
    let streamed = Request::post(&url)
        .body(Full::new(Bytes::from(vec![1; 100_000])))
        .unwrap();
    assert_eq!(send(streamed).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(get(&url).await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_between_two_machines_ends_at_the_proxy() {
    let (server, _) = generic().await;
    let proxy = Proxy::start(&server, &format!("{}/v2/", server.url()), &[]).await;
    let request = Request::get(format!("{}/items", proxy.url))
        .header("authorization", "Bearer of-the-caller")
        .header("connection", "x-one")
        .header("x-one", "1")
        .header("x-two", "2")
        .header("keep-alive", "timeout=5")
        .header("proxy-authorization", "Basic abc")
        .body(Full::default())
        .unwrap();
    assert_eq!(send(request).await.status(), StatusCode::OK);
    let journal = server.journal();
    let used = journal.api().next().unwrap();
    assert_eq!(used.path, "/v2/items");
    assert_ne!(used.bearer(), Some("of-the-caller"));
    assert_eq!(used.header("x-two"), Some("2"));
    for name in ["x-one", "keep-alive", "proxy-authorization"] {
        assert_eq!(used.header(name), None, "{name}");
    }
    let host = server.url();
    assert_eq!(
        used.header("host"),
        Some(host.trim_start_matches("http://"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_the_api_leads_to_the_proxy() {
    let (server, _) = generic().await;
    let to = format!("{}/v2/there?a=1", server.url());
    server
        .api()
        .redirect("/v2/here", 307, &to)
        .redirect("/v2/a/b", 307, "../there")
        .redirect("/v2/login", 307, "/login")
        .redirect("/v2/away", 307, "https://other.example/x");
    let proxy = Proxy::start(&server, &format!("{}/v2", server.url()), &[]).await;
    // The proxy has no page for what lies beside its own path.
    let login = format!("{}/login", server.url());
    for (path, expected) in [
        ("/here", "/there?a=1"),
        ("/a/b", "/there"),
        ("/login", &login),
        ("/away", "https://other.example/x"),
    ] {
        let request = Request::get(format!("{}{path}", proxy.url))
            .body(Full::default())
            .unwrap();
        let response = send(request).await;
        assert_eq!(response.headers()["location"], expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_this_machine_and_no_page_of_elsewhere() {
    let (server, _) = generic().await;
    let proxy = Proxy::start(&server, &server.url(), &["--allow-host", "acme.internal"]).await;
    for (name, value, expected) in [
        ("host", "evil.example", 421),
        ("host", "127.0.0.1.evil.example", 421),
        ("host", "localhost:1", 200),
        ("host", "acme.internal", 200),
        ("origin", "https://evil.example", 403),
        ("origin", "http://localhost:3000", 200),
        ("sec-fetch-site", "cross-site", 403),
    ] {
        let request = Request::get(format!("{}/items", proxy.url))
            .header(name, value)
            .body(Full::default())
            .unwrap();
        let response = send(request).await;
        assert_eq!(response.status().as_u16(), expected, "{name}: {value}");
        assert_eq!(
            response.headers().contains_key("hallpass-error"),
            expected != 200
        );
    }
    assert_eq!(server.journal().api_requests(), 3);
    let url = server.url();
    let args = client_args(&server);
    let args = ["proxy", "--listen", "0.0.0.0:0"]
        .into_iter()
        .chain(args.iter().map(String::as_str));
    hallpass(args.chain([url.as_str()]))
        .await
        .refused(&["0.0.0.0:0", "--dangerously-allow-remote"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_may_have_to_know_a_secret() {
    let (server, _) = generic().await;
    let proxy = Proxy::start(&server, &server.url(), &["--caller-secret", "env:SECRET"]).await;
    let url = format!("{}/items", proxy.url);
    assert_eq!(get(&url).await.0, StatusCode::PROXY_AUTHENTICATION_REQUIRED);
    for (value, expected) in [
        ("Bearer wrong".to_owned(), 407),
        (format!("Bearer {SECRET}"), 200),
    ] {
        let request = Request::get(&url)
            .header("proxy-authorization", value)
            .body(Full::default())
            .unwrap();
        assert_eq!(send(request).await.status().as_u16(), expected);
    }
    assert_eq!(server.journal().api_requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_the_caller_learns_why() {
    let server = Server::builder().client("client", "another").start().await;
    let proxy = Proxy::start(&server, &server.url(), &[]).await;
    let request = Request::get(format!("{}/items", proxy.url))
        .body(Full::default())
        .unwrap();
    let response = send(request).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(response.headers()["hallpass-error"], "credential");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(body["message"].as_str().unwrap().contains("invalid_client"));
    let (status, body) = get(&format!("{}/healthz", proxy.url)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!String::from_utf8_lossy(&body).contains(SECRET));
    assert_eq!(server.journal().api_requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_page_says_how_long_the_token_lives() {
    let (server, _) = generic().await;
    let proxy = Proxy::start(&server, &server.url(), &["--health", "/-/health"]).await;
    let url = format!("{}/-/health", proxy.url);
    let page = loop {
        let (status, body) = get(&url).await;
        if status == StatusCode::OK {
            break serde_json::from_slice::<Value>(&body).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(page["status"], "ok");
    assert_eq!(page["generation"], 1);
    assert!(page["time_left_seconds"].as_u64().unwrap() > 60);
    assert_eq!(page["upstream"], server.url());
    assert_eq!(server.journal().api_requests(), 0);
}
