//! What a hostile or broken token endpoint can cost: nothing it says takes time, memory or a stack.
#![allow(clippy::disallowed_methods, reason = "real time is what is measured")]

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use hallpass_core::{Cached, CredentialSource as _, Fetch};
use hallpass_oauth2::{
    Discovery, Key, Profile, Protected, Secret, Token, cloud::GoogleCredentials,
    transport::BODY_LIMIT,
};

use crate::common::{Script, Step, TOKEN, URL, build_error, chain, client, fetch, outcome, with};

const DEEP: usize = 10_000;

fn deep() -> Vec<String> {
    let (open, object) = ("[".repeat(DEEP), r#"{"a":"#.repeat(DEEP));
    vec![
        open.clone(),
        format!("{open}{}", "]".repeat(DEEP)),
        format!("{object}1{}", "}".repeat(DEEP)),
        object,
    ]
}

/// No reader of JSON or TOML goes as deep as its text does.
#[tokio::test]
async fn ten_thousand_levels_are_an_error_everywhere() {
    for nested in deep() {
        for body in [
            nested.clone(),
            format!(r#"{{"access_token":{nested},"token_type":"Bearer"}}"#),
            format!(r#"{{"error":"invalid_client","error_description":{nested}}}"#),
        ] {
            for status in [200, 400, 401, 500] {
                let step = Step::status(status, body.clone());
                let error = outcome(client(), step).await.unwrap_err();
                assert!(chain(&error).len() < 1000, "{error}");
            }
            let vendor = with("token = [\"data.token\", \"a.a.a\"]\n");
            outcome(vendor, Step::ok(body)).await.unwrap_err();
        }
        // What nobody reads is skipped, which takes no stack.
        let body = format!(r#"{{"access_token":"t","token_type":"Bearer","x":{nested}}}"#);
        let is_whole = nested.ends_with([']', '}']);
        let skipped = outcome(client(), Step::ok(body)).await;
        assert_eq!(skipped.is_ok(), is_whole);
        let document = format!(
            r#"{{"issuer":"https://as.example","token_endpoint":"https://as.example/t","x":{nested}}}"#
        );
        let script = Script::of([Step::ok(document)]);
        let found = Discovery::of("https://as.example").metadata(&script).await;
        assert_eq!(found.is_ok(), is_whole);
        let document =
            format!(r#"{{"resource":"https://rs.example/mcp","authorization_servers":{nested}}}"#);
        let protected = Protected::resource("https://rs.example/mcp");
        let protected =
            protected.client_for("https://as.example", |found| found.client_secret("id", "s"));
        let source = protected.source(Script::of([Step::ok(document)])).unwrap();
        source.fetch(&Fetch::first()).await.unwrap_err();

        let key = format!(r#"{{"kty":"EC","x":{nested}}}"#);
        assert!(Key::from_jwk(&key).is_err());
        let file = format!(r#"{{"type":"service_account","x":{nested}}}"#);
        let file = GoogleCredentials::from_json(&file);
        assert!(file.and_then(|file| file.build(Script::default())).is_err());
        let toml = format!(
            "token_url = \"{URL}\"\nx = {}",
            nested.replace(r#"{"a":"#, "{a=")
        );
        assert!(Profile::from_toml(&toml).is_err());
    }
    let toml = format!("token_url = \"{URL}\"\n[{}a]\nb = 1", "a.".repeat(DEEP));
    assert!(Profile::from_toml(&toml).is_err());
}

#[cfg(all(unix, feature = "exec"))]
#[tokio::test]
async fn ten_thousand_levels_are_an_error_of_a_program_s_too() {
    for nested in deep() {
        let text = format!(
            r#"{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{nested}}}"#
        );
        let source = hallpass_oauth2::Exec::program("/bin/echo").args([text]);
        source.fetch(&Fetch::first()).await.unwrap_err();
    }
}

/// Threat 44: no number is too large to be waited for, or for the clock.
#[tokio::test(start_paused = true)]
async fn no_expires_in_breaks_the_clock() {
    let nines = "9".repeat(1000);
    for expires_in in [
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775807",
        "-9223372036854775808",
        "1e308",
        "-1e308",
        "1e-308",
        "1.7976931348623157e308",
        "0.000000001",
        "-0.0",
        &nines,
        &format!("\"{nines}\""),
        "\"-1\"",
        "\"1e400\"",
        "1e400",
        "[1]",
        "{}",
        "true",
    ] {
        let body =
            format!(r#"{{"access_token":"t","token_type":"Bearer","expires_in":{expires_in}}}"#);
        let steps = (0..20).map(|_| Step::ok(body.clone()));
        let script = Script::of(steps);
        let cached = Cached::new(client().build(script.clone()).unwrap());
        for _ in 0..3 {
            let _ = cached.get_within(Duration::from_millis(10)).await;
            tokio::time::advance(Duration::from_secs(370 * 24 * 3600)).await;
        }
        assert!(script.seen_count() <= 10, "{expires_in}");
    }
}

/// A whole block of headers that the endpoint chooses, on each kind of answer.
#[tokio::test]
async fn headers_of_64_kib_are_read_at_once() {
    let started = Instant::now();
    for piece in [
        "a,",
        "gzip,",
        "gzip, deflate, ",
        "(",
        "9",
        "\\\"",
        "=",
        ";q=",
        "a=b,",
        "identity,",
    ] {
        let text = piece.repeat(64 * 1024 / piece.len());
        for name in [
            "content-encoding",
            "content-type",
            "www-authenticate",
            "dpop-nonce",
            "retry-after",
            "date",
            "age",
            "location",
        ] {
            for (status, body) in [
                (200, TOKEN),
                (401, r#"{"error":"invalid_client"}"#),
                (429, ""),
                (302, ""),
            ] {
                let step = Step::status(status, body).with(name, &text);
                if let Err(error) = outcome(client(), step).await {
                    let told = chain(&error);
                    assert!(told.len() < 2000, "{name} {status}: {told}");
                }
            }
        }
    }
    assert!(started.elapsed() < Duration::from_secs(60));
}

/// Each coding is undone within the limit, and there may be as many as a header can name.
#[tokio::test]
async fn codings_upon_codings_are_not_undone() {
    let nested = |times: usize| {
        (0..times).fold(TOKEN.as_bytes().to_vec(), |body, _| {
            let mut zipped = GzEncoder::new(Vec::new(), Compression::none());
            zipped.write_all(&body).unwrap();
            zipped.finish().unwrap()
        })
    };
    for (times, expected) in [(1, true), (2, true), (3, false), (100, false)] {
        let codings = vec!["gzip"; times].join(", ");
        let step = Step::ok(nested(times)).with("content-encoding", &codings);
        let outcome = outcome(client(), step).await;
        assert_eq!(outcome.is_ok(), expected, "{times}");
        if let Err(error) = outcome {
            assert!(
                error.is_transient() && error.to_string().contains("gzip, gzip"),
                "{error}"
            );
        }
    }
}

/// Threat 37: a token of nothing but dots is looked through once, and nothing is made of its parts.
#[tokio::test]
async fn a_mebibyte_of_dots_takes_no_longer_than_one_of_letters() {
    async fn least(text: &str) -> f64 {
        let mut least = f64::INFINITY;
        for _ in 0..10 {
            let source = Token::new(text);
            let started = Instant::now();
            fetch(&source).await.unwrap();
            least = least.min(started.elapsed().as_secs_f64());
        }
        least
    }
    let (dots, letters) = (
        format!("a{}", ".".repeat(BODY_LIMIT)),
        "a".repeat(BODY_LIMIT + 1),
    );
    let ratio = least(&dots).await / least(&letters).await;
    assert!(ratio < 10.0, "{ratio}");
}

/// A request is no larger than 1 MiB, however its parts are made up of variables.
#[tokio::test]
async fn a_short_profile_makes_no_huge_request() {
    let names: Vec<String> = (0..500).map(|n| format!("p{n}")).collect();
    let lines: Vec<String> = names
        .iter()
        .map(|name| format!("{name} = \"{{v}}\""))
        .collect();
    let lines = lines.join(
        "
",
    );
    let value = || "x".repeat(38_000);
    for text in [
        format!("[params]\n{lines}"),
        format!("encoding = \"json\"\n[params]\n{lines}"),
        format!("[query]\n{lines}"),
        format!("[token_headers]\n{lines}"),
    ] {
        let error = build_error(with(&text).var("v", value()));
        assert!(error.contains("1 MiB"), "{error}");
        if text.contains("query") {
            continue;
        }
        let source = with(&text)
            .var("v", Secret::from(value()))
            .build(Script::default());
        let error = fetch(&source.unwrap()).await.unwrap_err();
        assert!(
            error.is_permanent() && error.to_string().contains("1 MiB"),
            "{error}"
        );
    }
}
