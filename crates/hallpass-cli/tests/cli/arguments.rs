//! Arguments that are wrong: a sentence that names the argument, and nothing is sent.

use super::common::{call_generic, client_args, generic, hallpass};

#[tokio::test]
async fn help_tells_all() {
    for command in [
        "token",
        "call",
        "doctor",
        "profiles",
        "proxy",
        "completions",
    ] {
        let run = hallpass([command, "--help"]).await;
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{command}");
        assert!(run.stdout.contains("Examples:"), "{command}");
        assert!(run.stdout.contains("  hallpass ") || run.stdout.contains("| hallpass "));
    }
    let run = hallpass(["--help"]).await;
    for part in ["Exit codes:", "doctor", "never from arguments", "  5  "] {
        assert!(run.stdout.contains(part), "{part}");
    }
    assert_eq!(hallpass(["--version"]).await.code, 0);
    assert_eq!(hallpass([]).await.code, 2);
}

#[tokio::test]
async fn shells_get_their_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = hallpass(["completions", shell]).await;
        assert_eq!(run.code, 0, "{shell}");
        assert!(run.stdout.contains("exec-credential"), "{shell}");
    }
}

#[tokio::test]
async fn a_missing_variable_is_named() {
    let (server, args) = generic().await;
    let run = call_generic(&args, &["--secret", "env:HALLPASS_NO_SUCH_VARIABLE"]).await;
    // clap takes an option once.
    run.refused(&["--secret"]);
    let mut args = args;
    let at = args.iter().position(|arg| arg == "env:SECRET").unwrap();
    args[at] = "env:HALLPASS_NO_SUCH_VARIABLE".to_owned();
    let run = call_generic(&args, &[]).await;
    run.refused(&["secret", "HALLPASS_NO_SUCH_VARIABLE", "not set"]);
    assert_eq!(server.journal().entries().len(), 0);
}

#[tokio::test]
async fn a_client_that_nobody_knows() {
    let run = hallpass(["token", "atlr"]).await;
    run.refused(&["no client and no profile \"atlr\"", "\"atlar\""]);
    let run = hallpass(["token", "./no-such.toml"]).await;
    run.refused(&["./no-such.toml can't be read"]);
}

#[tokio::test]
async fn a_variable_of_the_profile_without_a_value() {
    let more = ["--client-id", "a", "--secret", "env:SECRET"];
    let run = hallpass(["token", "is2"].into_iter().chain(more)).await;
    run.refused(&["needs the variable \"realm\"", "--var NAME=VALUE"]);
    let run = hallpass(
        ["token", "ataccama", "--var", "realm=acme"]
            .into_iter()
            .chain(more),
    )
    .await;
    run.refused(&["\"environment\"", "--var NAME=VALUE"]);
}

#[tokio::test]
async fn an_origin_that_the_credential_is_not_for() {
    let (server, mut args) = generic().await;
    "atlar".clone_into(&mut args[0]);
    let run = call_generic(&args, &[]).await;
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
        (&["--repeat", "0"], "--repeat"),
        (&["--repeat", "many"], "--repeat"),
        (&["--concurrency", "0"], "--concurrency"),
        (&["--interval", "0.5"], "--interval"),
        (&["--interval"], "--interval"),
        (&["--var", "realm"], "--var"),
        (&["--var", "nonsense=1"], "nonsense"),
        (&["--origin", "api.example.com"], "--origin"),
        (&["-X", "a b"], "-X"),
        (&["-H", "hunter2"], "-H"),
        (&["-H", "x: \u{1}"], "-H"),
        (&["-H", "Authorization: Bearer hunter2"], "-H"),
        (&["--private-key", "hunter2"], "--private-key"),
        (
            &["--token-proxy", "http://me:hunter2@proxy.example:3128"],
            "--token-proxy env",
        ),
        (
            &["--api-proxy", "me:hunter2@proxy.example:3128"],
            "--api-proxy env",
        ),
        (&["--data", "@/no/such/file"], "/no/such/file"),
    ] {
        let run = call_generic(&args, more).await;
        run.refused(&[part]);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
    assert_eq!(server.journal().entries().len(), 0);
}

#[tokio::test]
async fn a_secret_is_no_argument() {
    let (server, _) = generic().await;
    let token_url = server.token_url();
    for option in ["--secret", "--client-secret"] {
        let args = [
            "token",
            "generic",
            "--token-url",
            &token_url,
            "--client-id",
            "client",
        ];
        let run = hallpass(args.into_iter().chain([option, "hunter2hunter2"])).await;
        run.refused(&["--secret", "env:NAME", "file:PATH"]);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
    assert_eq!(server.journal().entries().len(), 0);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let (server, _) = generic().await;
    let args = client_args(&server);
    let run = call_generic(&args, &[]).await;
    run.refused(&["<URL>"]);
    for url in ["items", "api.example.com/items", "ftp://api.example.com"] {
        let run = call_generic(&args, &[url]).await;
        run.refused(&["URL: write the whole URL", "https://host/path"]);
    }
    let proxy = ["proxy"].into_iter().chain(args.iter().map(String::as_str));
    let run = hallpass(proxy.chain(["api.example.com"])).await;
    run.refused(&["UPSTREAM: write the whole URL"]);
    let token_url = server.token_url();
    let run = hallpass([
        "token",
        "generic",
        "--token-url",
        &token_url,
        "--secret",
        "env:SECRET",
    ]);
    run.await.refused(&["generic: no client id is set"]);
    let run = hallpass([
        "token",
        "generic",
        "--token-url",
        &token_url,
        "--client-id",
        "a",
    ]);
    run.await.refused(&["GENERIC_SECRET is not set"]);
}
