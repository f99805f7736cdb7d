//! `hallpass token`: what is printed, and nothing else.

use std::{io::Write as _, process::Stdio, time::Duration};

use hallpass_testkit::{ExpiresIn, Server};
use serde_json::Value;

use super::common::{
    Folder, Run, SECRET, client_args, command, finished, generic, hallpass, with_client,
};

#[tokio::test]
async fn only_the_token_and_a_line_break() {
    let (server, _) = generic().await;
    let run = with_client("token", &server, &[]).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let token = run.stdout.strip_suffix('\n').unwrap();
    assert!(!token.is_empty() && !token.contains(char::is_whitespace));
    let journal = server.journal();
    assert_eq!(journal.token_requests(), 1);
    // The token works.
    let header = with_client("token", &server, &["--header"]).await;
    let (name, value) = header.stdout.trim_end().split_once(": ").unwrap();
    assert_eq!(name, "authorization");
    assert!(value.starts_with("Bearer "));
    assert_eq!(header.stdout.lines().count(), 1);
}

#[tokio::test]
async fn json_says_when_it_ends() {
    let (server, _) = generic().await;
    let run = with_client("token", &server, &["--json", "--scope", "a b"]).await;
    let shown = run.json();
    assert_eq!(shown["type"], "Bearer");
    assert_eq!(shown["scope"], "a b");
    assert_eq!(shown["generation"], 1);
    assert!(shown["expires_in"].as_u64().unwrap() > 60);
    let end = shown["expires_at"].as_str().unwrap();
    assert!(end.starts_with("20") && end.ends_with('Z'), "{end}");
    assert_eq!(
        shown["value"],
        format!("Bearer {}", shown["token"].as_str().unwrap())
    );
}

#[tokio::test]
async fn kubectl_gets_what_it_wants() {
    let (server, _) = generic().await;
    let run = with_client("token", &server, &["--exec-credential"]).await;
    let shown = run.json();
    assert_eq!(shown["apiVersion"], "client.authentication.k8s.io/v1");
    assert_eq!(shown["kind"], "ExecCredential");
    assert!(shown["status"]["token"].is_string());
    assert!(shown["status"]["expirationTimestamp"].is_string());

    let args = client_args(&server);
    let all = ["token", "--exec-credential"]
        .into_iter()
        .chain(args.iter().map(String::as_str));
    let mut asked = command(all);
    let info = r#"{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential"}"#;
    asked.env("KUBERNETES_EXEC_INFO", info);
    let shown = finished(asked).await.json();
    assert_eq!(shown["apiVersion"], "client.authentication.k8s.io/v1beta1");

    server.set_expires_in(ExpiresIn::Missing);
    let shown = with_client("token", &server, &["--exec-credential"])
        .await
        .json();
    assert_eq!(shown["status"].get("expirationTimestamp"), None::<&Value>);
}

#[tokio::test]
async fn a_life_that_is_too_short_is_an_error() {
    let server = Server::builder()
        .client("client", SECRET)
        .token_lifetime(Duration::from_secs(120))
        .start()
        .await;
    assert_eq!(
        with_client("token", &server, &["--min-life", "1m"])
            .await
            .code,
        0
    );
    let run = with_client("token", &server, &["--min-life", "5m"]).await;
    assert_eq!((run.code, run.stdout.as_str()), (3, ""));
    assert!(run.stderr.contains("lives"), "{}", run.stderr);
}

#[tokio::test]
async fn secrets_come_from_files_and_standard_input() {
    let (server, _) = generic().await;
    let folder = Folder::new();
    let file = format!("file:{}", folder.write("secret", &format!("{SECRET}\n")));
    let token_url = server.token_url();
    let args = [
        "token",
        "generic",
        "--token-url",
        &token_url,
        "--client-id",
        "client",
        "--secret",
    ];
    assert_eq!(
        hallpass(args.into_iter().chain([file.as_str()])).await.code,
        0
    );

    let mut piped = command(args.into_iter().chain(["-"]));
    let mut child = piped
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(format!("{SECRET}\n").as_bytes())
        .unwrap();
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let run = Run::of(ended.await.unwrap());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout.lines().count(), 1);

    let run = hallpass(args.into_iter().chain(["-"])).await;
    run.refused(&["--secret", "standard input is empty"]);
}

#[tokio::test]
async fn the_usual_variables_are_looked_at() {
    let (server, _) = generic().await;
    let folder = Folder::new();
    let text = format!("token_url = \"{}\"\n", server.token_url());
    let profile = folder.write("acme-bank.toml", &text);
    let mut asked = command(["token", &profile]);
    asked
        .env("ACME_BANK_CLIENT_ID", "client")
        .env("ACME_BANK_SECRET", SECRET);
    let run = finished(asked).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[tokio::test]
async fn what_fails_has_its_code() {
    let server = Server::builder().client("client", "another").start().await;
    let run = with_client("token", &server, &[]).await;
    assert_eq!((run.code, run.stdout.as_str()), (3, ""));
    for part in [
        server.url().as_str(),
        "\"client\"",
        "invalid_client",
        "check id and secret",
    ] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert_eq!(run.stderr.lines().count(), 1);

    // Port 1 is reserved and nobody listens there.
    let args = "token generic --client-id a --secret env:SECRET --token-url http://127.0.0.1:1/token --timeout 1s";
    let run = hallpass(args.split(' ')).await;
    assert_eq!((run.code, run.stdout.as_str()), (4, ""), "{}", run.stderr);
    let run = hallpass(args.split(' ').map(|arg| {
        if arg.starts_with("http:") {
            "http://example.com/token"
        } else {
            arg
        }
    }))
    .await;
    run.refused(&["https"]);
}

#[tokio::test]
async fn a_long_wait_is_told() {
    let (server, _) = generic().await;
    server.token_endpoint().delay(Duration::from_millis(1400));
    let run = with_client("token", &server, &[]).await;
    assert_eq!(run.code, 0);
    assert!(
        run.stderr.contains("waiting for a token of generic"),
        "{}",
        run.stderr
    );
    assert_eq!(run.stdout.lines().count(), 1);
}

#[tokio::test]
async fn verbose_shows_no_secret() {
    let (server, _) = generic().await;
    let run = with_client("token", &server, &["-vv"]).await;
    assert_eq!(run.code, 0);
    assert!(!run.stderr.is_empty());
    assert!(!run.stderr.contains(run.stdout.trim()), "{}", run.stderr);
}

#[tokio::test]
async fn nobody_waits_for_a_next_attempt() {
    let (server, _) = generic().await;
    server.set_secret("client", "another");
    let run = with_client("token", &server, &[]).await;
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("check id and secret"), "{}", run.stderr);
    for word in ["attempt", "try again"] {
        assert!(!run.stderr.contains(word), "{}", run.stderr);
    }
    // What the server asks for is the reader's to know.
    server.token_endpoint().down(429).retry_after(40);
    let run = with_client("token", &server, &[]).await;
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(run.stderr.contains("; try again in 4"), "{}", run.stderr);
    assert!(!run.stderr.contains("next attempt"), "{}", run.stderr);
}

#[tokio::test]
async fn the_other_way_to_write_basic_is_one_that_a_profile_can_have() {
    let server = Server::start().await;
    let url = server.token_url();
    let generic = "token generic --client-id client --secret env:ODD --token-url";
    let mut asked = command(generic.split(' ').chain([url.as_str()]));
    asked.env("ODD", "a+b%c&d");
    let run = finished(asked).await;
    assert_eq!(run.code, 3, "{}", run.stderr);
    let setting = "client_auth = \"basic-raw\" in a profile of your own";
    assert!(run.stderr.contains(setting), "{}", run.stderr);
    assert!(!run.stderr.contains("basic_raw"), "{}", run.stderr);
    let folder = Folder::new();
    let text = "token_url = 'https://auth.example.com/token'\nclient_auth = 'basic-raw'\n";
    let file = folder.write("acme.toml", text);
    assert_eq!(hallpass(["profiles", "validate", &file]).await.code, 0);
}
