//! `hallpass doctor`: how it tells what it finds.

use super::common::{generic, with_client};

#[tokio::test]
async fn a_sound_client_has_nothing_to_do() {
    let (server, _) = generic().await;
    let url = format!("{}/items", server.url());
    let run = with_client("doctor", &server, &["--url", &url, "--decode"]).await;
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_eq!(run.stderr, "");
    for step in [
        "configuration",
        "secrets",
        "dns",
        "tcp",
        "http",
        "token",
        "lifetime",
        "clock",
        "jwt",
        "api",
    ] {
        let found = run.stdout.lines().any(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some("ok") && words.next() == Some(step)
        });
        assert!(found, "{step} in\n{}", run.stdout);
    }
    assert!(!run.stdout.contains('\x1b'), "colour on a pipe");
    let journal = server.journal();
    assert_eq!(journal.token_requests(), 1);
    let token = journal.api().find_map(|entry| entry.bearer()).unwrap();
    assert!(!run.stdout.contains(token));
}

#[tokio::test]
async fn json_has_all_findings() {
    let (server, _) = generic().await;
    server.token_endpoint().respond_next(9, 404, &[], "");
    let run = with_client("doctor", &server, &["--json"]).await;
    assert_eq!(run.code, 4);
    let report = run.json();
    assert_eq!(report["client"], "generic");
    assert_eq!(report["ok"], false);
    let findings = report["findings"].as_array().unwrap();
    let last = findings.last().unwrap();
    assert_eq!(
        (&last["step"], &last["status"]),
        (&"token".into(), &"failed".into())
    );
    assert!(last["cause"].is_string() && last["fix"].is_string());
}

#[tokio::test]
async fn a_server_that_repeats_the_secret_is_not_quoted() {
    let (server, _) = generic().await;
    let secret = super::common::SECRET;
    let body = format!(r#"{{"error": "weird", "error_description": "not {secret}"}}"#);
    server.token_endpoint().respond_next(9, 400, &[], body);
    // `Run::of` looks for the secret.
    let run = with_client("doctor", &server, &[]).await;
    assert_ne!(run.code, 0);
}
