//! Arguments that are wrong: one sentence that names the argument, and nothing is sent.

use super::{call_generic, command, common, generic};

#[tokio::test]
async fn help_tells_all() {
    let output = common::output(command(["--help"])).await;
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for part in ["--client-secret-env", "oauth-v2", "exit status", "failures"] {
        assert!(help.contains(part), "{part}");
    }
    assert!(!help.contains("PROFILES"));
    assert!(output.stderr.is_empty());
}

#[tokio::test]
async fn a_missing_variable_is_named() {
    let (server, mut args) = generic().await;
    let at = args.iter().position(|arg| arg == "SECRET").unwrap();
    args[at] = "HALLPASS_NO_SUCH_VARIABLE".to_owned();
    let run = call_generic(&args, &[]).await;
    run.refused(&[
        "--client-secret-env",
        "HALLPASS_NO_SUCH_VARIABLE",
        "not set",
    ]);
    assert_eq!(server.journal().entries().len(), 0);
}

#[tokio::test]
async fn an_unknown_profile_lists_those_that_there_are() {
    let (_server, args) = generic().await;
    let run = call_generic(&args, &["--profile", "acme"]).await;
    run.refused(&[
        "--profile",
        "acme",
        "ataccama",
        "atlar",
        "atomic",
        "generic",
        "is2",
        "oauth-v2",
    ]);
}

#[tokio::test]
async fn a_profile_file_that_is_not_there() {
    let (_server, args) = generic().await;
    let run = call_generic(&args, &["--profile", "./no-such.toml"]).await;
    run.refused(&["--profile", "./no-such.toml can't be read"]);
}

#[tokio::test]
async fn a_variable_of_the_profile_without_a_value() {
    let (_server, args) = generic().await;
    let run = call_generic(&args[2..6], &["--profile", "is2", "https://api.is2.app/"]).await;
    run.refused(&["needs the variable \"realm\"", "--var NAME=VALUE"]);

    let (_server, args) = generic().await;
    let run = call_generic(&args, &["--profile", "ataccama", "--var", "realm=acme"]).await;
    run.refused(&["\"environment\"", "for its origins alone", "--origin"]);
}

#[tokio::test]
async fn an_origin_that_the_credential_is_not_for() {
    let (server, args) = generic().await;
    let run = call_generic(&args, &["--profile", "atlar"]).await;
    let add = format!("--origin {}", server.url());
    run.refused(&["\"atlar\"", "https://api.atlar.com", &add]);
    assert_eq!(server.journal().entries().len(), 0);
}

#[tokio::test]
async fn each_argument_is_named() {
    let (server, args) = generic().await;
    for (more, part) in [
        (&["--colour"][..], "--colour"),
        (&["-q"], "-q"),
        (&["--client-secret=hunter2"], "--client-secret-env"),
        (&["--repeat", "0"], "--repeat"),
        (&["--repeat", "many"], "--repeat"),
        (&["--concurrency", "-1"], "--concurrency"),
        (&["--interval-ms", "0.5"], "--interval-ms"),
        (&["--interval-ms"], "--interval-ms"),
        (&["--var", "realm"], "--var"),
        (&["--var", "nonsense=1"], "nonsense"),
        (&["--origin", "api.example.com"], "--origin"),
        (&["--token-url", "/token"], "token URL"),
        (&["-X", "a b"], "-X"),
        (&["-H", "hunter2"], "-H"),
        (&["-H", "x: \u{1}"], "-H"),
        (&["-H", "Authorization: Bearer hunter2"], "-H"),
        (&["https://api.example.com/hunter2"], "URL"),
    ] {
        let run = call_generic(&args, more).await;
        run.refused(&[part]);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
    assert_eq!(server.journal().entries().len(), 0);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let (_server, args) = generic().await;
    for (option, part) in [
        ("--profile", "--profile is missing"),
        ("--client-id", "--client-id is missing"),
        ("--client-secret-env", "--client-secret-env is missing"),
    ] {
        let mut args = args.clone();
        let at = args.iter().position(|arg| arg == option).unwrap();
        args.drain(at..at + 2);
        call_generic(&args, &[]).await.refused(&[part]);
    }
    let without_url = &args[..args.len() - 1];
    call_generic(without_url, &[]).await.refused(&["URL"]);
    call_generic(without_url, &["items"])
        .await
        .refused(&["URL"]);
}
