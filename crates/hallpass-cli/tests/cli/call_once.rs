//! `hallpass call` without `--json`: like curl.

use super::common::{Folder, generic, with_client};

#[tokio::test]
async fn the_body_and_nothing_else() {
    let (server, _) = generic().await;
    server
        .api()
        .route("/accounts", serde_json::json!([{"id": 1}]));
    let url = format!("{}/accounts", server.url());
    let run = with_client("call", &server, &[&url]).await;
    assert_eq!(
        (run.code, run.stdout.as_str(), run.stderr.as_str()),
        (0, r#"[{"id":1}]"#, "")
    );
    let run = with_client("call", &server, &["-i", &url]).await;
    let (head, body) = run.stdout.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(body, r#"[{"id":1}]"#);
}

#[tokio::test]
async fn a_body_from_a_file_survives_a_revocation() {
    let (server, _) = generic().await;
    let folder = Folder::new();
    let data = format!("@{}", folder.write("order.json", "{\"a\": 1}"));
    server.api().reject_next(1);
    let url = format!("{}/orders", server.url());
    let run = with_client("call", &server, &["-d", &data, &url]).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    let journal = server.journal();
    let bodies: Vec<_> = journal.api().map(|entry| entry.body.clone()).collect();
    assert_eq!(bodies, ["{\"a\": 1}", "{\"a\": 1}"]);
}

#[tokio::test]
async fn fail_tells_by_its_code() {
    let (server, _) = generic().await;
    let url = format!("{}/forbidden", server.url());
    let run = with_client("call", &server, &[&url]).await;
    assert_eq!(run.code, 0);
    assert!(run.stdout.contains("insufficient_scope"));
    let run = with_client("call", &server, &["--fail", &url]).await;
    assert_eq!((run.code, run.stdout.as_str()), (5, ""));
    assert!(run.stderr.contains("403"), "{}", run.stderr);
    let run = with_client("call", &server, &["--fail", "--json", &url]).await;
    assert_eq!(run.code, 5);
}
