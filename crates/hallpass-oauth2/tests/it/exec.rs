//! Programs that print a credential.
#![cfg(all(unix, feature = "exec"))]

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use hallpass_core::{Credential, CredentialSource as _, Error, Fetch};
use hallpass_oauth2::Exec;
use tokio::task::JoinHandle;

use crate::common::chain;

fn script(text: &str) -> Exec {
    Exec::program("/bin/sh").args(["-c", text])
}

async fn run(text: &str) -> Result<Credential, Error> {
    script(text).fetch(&Fetch::first()).await
}

fn printing(json: &str) -> String {
    format!("cat <<'END'\n{json}\nEND")
}

fn answer(status: &str) -> String {
    printing(&format!(
        r#"{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{status}}}"#
    ))
}

#[tokio::test]
async fn a_token_and_its_end_are_read() {
    let credential = run(&answer(
        r#"{"token":"t0ken","expirationTimestamp":"2035-11-06T08:49:37Z"}"#,
    ))
    .await
    .unwrap();
    assert_eq!(credential.header_value(), "Bearer t0ken");
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(2_077_951_777);
    let expected = format!("instant: Some({end:?})");
    assert!(
        format!("{credential:?}").contains(&expected),
        "{credential:?}"
    );

    for unlimited in [
        r#"{"token":"t0ken"}"#,
        r#"{"token":"t0ken","expirationTimestamp":"0001-01-01T00:00:00Z"}"#,
    ] {
        let credential = run(&answer(unlimited)).await.unwrap();
        assert!(format!("{credential:?}").contains("Forever"));
    }
}

#[tokio::test]
async fn it_is_told_the_protocol_and_nothing_is_interpreted() {
    let program = r#"
        case "$KUBERNETES_EXEC_INFO" in
          *'"kind":"ExecCredential"'*'"interactive":false'*) ;;
          *) exit 1 ;;
        esac
        test -z "$(cat)" || exit 2
        printf '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"%s%s"}}' "$1" "$MORE"
    "#;
    let source = Exec::program("sh")
        .args(["-c", program, "sh", "a.b"])
        .env("MORE", ".c");
    let credential = source.fetch(&Fetch::first()).await.unwrap();
    assert_eq!(credential.header_value(), "Bearer a.b.c");

    let literal = Exec::program("/bin/echo").args(["$(id)", "; id"]);
    let error = literal.fetch(&Fetch::first()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("printed no JSON of that kind and no ExecCredential")
    );
}

#[tokio::test]
async fn a_description_of_the_cluster_that_is_set_stays() {
    let program = r#"printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$KUBERNETES_EXEC_INFO""#;
    let source = script(program).env("KUBERNETES_EXEC_INFO", "mine");
    let credential = source.fetch(&Fetch::first()).await.unwrap();
    assert_eq!(credential.header_value(), "Bearer mine");
}

#[tokio::test]
async fn a_child_that_it_leaves_behind_is_not_waited_for() {
    let start = tokio::time::Instant::now();
    let program = format!("sleep 20 &\n{}", answer(r#"{"token":"t0ken"}"#));
    let credential = run(&program).await.unwrap();
    assert_eq!(credential.header_value(), "Bearer t0ken");
    assert!(start.elapsed() < Duration::from_secs(10));

    // One that answers in the program's place is.
    let program = format!("(sleep 0.3; {}\n) &", answer(r#"{"token":"late"}"#));
    let credential = run(&program).await.unwrap();
    assert_eq!(credential.header_value(), "Bearer late");
}

#[tokio::test]
async fn what_it_writes_is_never_shown() {
    for (text, expected) in [
        (
            "echo s3cr3t",
            "printed no JSON of that kind and no ExecCredential",
        ),
        ("echo s3cr3t >&2; exit 3", "failed with exit status: 3"),
        (
            &*answer(r#"{"token":"s3cr3t token"}"#),
            "printed a token that no header can carry",
        ),
        (
            &*answer(r#"{"token":""}"#),
            "printed no token and no ExecCredential",
        ),
        (&*answer("null"), "printed no status and no ExecCredential"),
        (
            &*answer(r#"{"token":"s3cr3t","expirationTimestamp":"s3cr3t"}"#),
            "printed an expirationTimestamp that is not RFC 3339 and no ExecCredential",
        ),
        (
            &*printing(r#"{"apiVersion":"v1","kind":"Secret","status":{"token":"s3cr3t"}}"#),
            "printed another kind of object and no ExecCredential",
        ),
        (
            "yes s3cr3t",
            "printed more than 1 MiB and no ExecCredential",
        ),
    ] {
        let error = run(text).await.unwrap_err();
        assert!(error.is_transient());
        assert_eq!(error.to_string(), format!("/bin/sh {expected}"));
        let shown = format!("{error:?}{}", chain(&error));
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
    let shown = format!("{:?}", script("s3cr3t").env("KEY", "s3cr3t"));
    assert!(!shown.contains("s3cr3t"), "{shown}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_for_good() {
    let error = Exec::program("/nowhere/hallpass")
        .fetch(&Fetch::first())
        .await
        .unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(error.to_string(), "/nowhere/hallpass can't be started");
}

/// Starts a program that never ends by itself, and waits until it runs: on a busy machine that takes
/// as long as it takes.
async fn hanging(name: &str) -> (JoinHandle<Result<Credential, Error>>, PathBuf) {
    let mark = std::env::temp_dir().join(format!("hallpass-exec-{name}-{}", std::process::id()));
    let source = script(&format!("echo $$ > {}; exec sleep 600", mark.display()));
    let fetching = tokio::spawn(async move { source.fetch(&Fetch::first()).await });
    loop {
        let id = std::fs::read_to_string(&mark).unwrap_or_default();
        if let Some(id) = id.strip_suffix('\n') {
            std::fs::remove_file(&mark).unwrap();
            return (fetching, format!("/proc/{id}/stat").into());
        }
        assert!(!fetching.is_finished());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether it has ended; nobody may have asked how.
async fn has_ended(process: &Path) -> bool {
    for _ in 0..500 {
        let state = std::fs::read_to_string(process);
        if state.is_ok_and(|state| !state.contains(" Z ")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        } else {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn a_program_that_hangs_is_ended() {
    let (fetching, process) = hanging("late").await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    let error = fetching.await.unwrap().unwrap_err();
    tokio::time::resume();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(error.to_string(), "no token from /bin/sh within 30 s");
    assert!(has_ended(&process).await);
}

#[tokio::test]
async fn a_program_that_nobody_waits_for_is_ended() {
    let (fetching, process) = hanging("dropped").await;
    fetching.abort();
    assert!(fetching.await.unwrap_err().is_cancelled());
    assert!(has_ended(&process).await);
}
