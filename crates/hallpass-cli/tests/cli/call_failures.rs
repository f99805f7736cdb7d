//! What fails after the start: readable, counted, and without secrets.

use hallpass_testkit::Server;

use super::common::{SECRET, call_generic, generic, generic_args, spawn_call};

#[tokio::test]
async fn a_wrong_secret_says_what_to_check() {
    let server = Server::builder().client("client", "another").start().await;
    let run = call_generic(&generic_args(&server), &["--repeat", "2"]).await;
    assert_eq!(run.code, 3);
    assert_eq!(
        run.totals,
        r#"{"calls":2,"statuses":{},"token_requests":1,"rejections":0,"waits":1,"replays":0,"failures":2}"#
    );
    for call in &run.calls {
        assert!(call["status"].is_null());
        assert_eq!(call["generation"], 0);
        let error = call["error"].as_str().unwrap();
        for part in [
            &server.url(),
            "\"client\"",
            "invalid_client",
            "check id and secret",
        ] {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
    }
    assert_eq!(server.journal().token_requests(), 1);
    assert_eq!(server.journal().api_requests(), 0);
}

#[tokio::test]
async fn a_server_that_repeats_the_secret_is_not_quoted() {
    let (server, args) = generic().await;
    let body = format!(r#"{{"error": "invalid_client", "error_description": "not {SECRET}"}}"#);
    server.token_endpoint().respond_next(1, 401, &[], body);
    // `Run::of` looks for the secret.
    let run = call_generic(&args, &[]).await;
    assert_eq!(run.code, 3);
    assert!(run.calls[0]["error"].as_str().unwrap().contains("[secret]"));
}

#[tokio::test]
async fn nobody_at_home() {
    let (server, mut args) = generic().await;
    args.pop();
    // Port 1 is reserved and nobody listens there.
    args.push("http://127.0.0.1:1/items".to_owned());
    let run = call_generic(&args, &[]).await;
    assert_eq!(run.code, 4);
    assert!(run.calls[0]["status"].is_null());
    let error = run.calls[0]["error"].as_str().unwrap();
    assert!(error.starts_with("no connection: "), "{error}");
    assert_eq!(run.totals()["failures"], 1);
    assert_eq!(server.journal().token_requests(), 1);
}

#[tokio::test]
async fn plain_http_to_another_machine_is_refused() {
    let (server, mut args) = generic().await;
    args.pop();
    args.push("http://api.example.com/items".to_owned());
    let run = call_generic(&args, &[]).await;
    assert_eq!(run.code, 2);
    let error = run.calls[0]["error"].as_str().unwrap();
    assert!(error.contains("in the clear"), "{error}");
    assert_eq!(server.journal().entries().len(), 0);
}

#[tokio::test]
async fn statuses_are_no_failures() {
    let (server, args) = generic().await;
    server.api().fail_next(1, 500).fail_next(1, 403);
    let run = call_generic(&args, &["--repeat", "3"]).await;
    assert_eq!(run.code, 0);
    assert_eq!(
        run.totals,
        r#"{"calls":3,"statuses":{"200":1,"403":1,"500":1},"token_requests":1,"rejections":0,"waits":1,"replays":0,"failures":0}"#
    );
}

#[tokio::test]
async fn half_a_response_is_a_failure_with_a_status() {
    let (server, args) = generic().await;
    server.api().cut_next(1);
    let run = call_generic(&args, &[]).await;
    assert_eq!(run.code, 4);
    assert_eq!(run.calls[0]["status"], 200);
    let error = run.calls[0]["error"].as_str().unwrap();
    assert!(error.starts_with("the response broke off: "), "{error}");
}

#[tokio::test]
async fn a_reader_that_leaves_is_no_panic() {
    let (_server, args) = generic().await;
    let more = ["--repeat", "200", "--interval", "1ms"];
    let mut child = spawn_call(&args, &more);
    drop(child.stdout.take());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap())
        .await
        .unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}
