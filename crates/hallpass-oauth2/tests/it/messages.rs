//! What people read when it goes wrong: nothing secret, nothing twice, and what helps them on.

use std::{io, time::Duration};

use bytes::Bytes;
use hallpass_core::Error;
use hallpass_oauth2::{
    ClientCredentials, Profile, RefreshToken, TokenRequest, Transport,
    transport::{Phase, TransportError},
};
use http::{Request, Response};

use crate::common::{Script, Step, URL, build_error, chain, fetch, outcome};

const SECRET: &str = "s3cr\u{e9}t /+%";

/// How the secret may come back: as it is, escaped in three ways, and in the Basic headers.
const ECHOES: [&str; 9] = [
    SECRET,
    "S3CR\u{e9}T /+%",
    "s3cr%C3%A9t%20%2F%2B%25",
    "s3cr%c3%a9t%20%2f%2b%25",
    "s3cr%C3%A9t+%2F%2B%25",
    "bXktY2xpZW50OnMzY3IlQzMlQTl0JTIwJTJGJTJCJTI1",
    "bXktY2xpZW50OnMzY3LDqXQgLysl",
    "czNjcsOpdCAvKyU",
    "czNjcsOpdCAvKyU=",
];

fn client() -> TokenRequest {
    ClientCredentials::at(URL).basic("my-client", SECRET)
}

fn is_clean(error: &Error) -> bool {
    let told = format!("{}\n{error:?}", chain(error));
    let pieces = ["s3cr", "S3CR", "bXktY2xpZW50", "czNjc"];
    pieces.iter().all(|piece| !told.contains(piece))
}

#[tokio::test]
async fn a_server_that_repeats_the_secret_is_not_repeated() {
    for echo in ECHOES {
        let said = serde_json::json!({
            "error": "invalid_client",
            "error_description": format!("<{echo}> and <{echo}> are wrong"),
        });
        let sentence = serde_json::json!({ "error": format!("bad secret {echo}!") });
        let kind = serde_json::json!({ "access_token": "t", "token_type": echo });
        for (status, body) in [
            (401, &said),
            (400, &said),
            (200, &said),
            (503, &said),
            (401, &sentence),
            (400, &sentence),
            (200, &sentence),
            (429, &sentence),
            (200, &kind),
        ] {
            let step = Step::status(status, body.to_string()).with("retry-after", "1");
            let error = outcome(client(), step).await.unwrap_err();
            assert!(is_clean(&error), "{status} {body}: {error:?}");
        }
    }
    let said = r#"{"error":"invalid_client","error_description":"not s3cr\u00e9t /+%, no"}"#;
    let error = outcome(client(), Step::status(401, said))
        .await
        .unwrap_err();
    assert!(chain(&error).ends_with("not [secret], no"), "{error:?}");
}

#[tokio::test]
async fn neither_are_a_profile_s_error_code_and_a_refresh_token() {
    let profile =
        "token_url = \"https://auth.example.com/token\"\nsuccess = { body = \"code\", is = 0 }";
    let profile = Profile::from_toml(profile).unwrap();
    let body = serde_json::json!({ "code": format!("no {SECRET}") });
    let step = Step::ok(body.to_string());
    let error = outcome(profile.client("my-client", SECRET), step).await;
    assert!(is_clean(&error.unwrap_err()));

    let builder = RefreshToken::at(URL)
        .refresh_token("s3cret-token")
        .basic("my-client", "hunter2");
    let body = r#"{"error":"invalid_grant","error_description":"s3cret-token is spent"}"#;
    let script = Script::of([Step::status(400, body)]);
    let error = fetch(&builder.build(script).unwrap()).await.unwrap_err();
    assert!(chain(&error).ends_with(": [secret] is spent"), "{error:?}");
}

#[tokio::test]
async fn what_is_too_short_to_be_a_secret_leaves_words_alone() {
    let builder = ClientCredentials::at(URL).post("my-client", "id");
    let body = r#"{"error":"invalid_client","error_description":"invalid id"}"#;
    let error = outcome(builder, Step::status(401, body)).await.unwrap_err();
    assert!(chain(&error).ends_with("invalid id"), "{error:?}");
    // A code of the standard says nothing about the secret.
    let builder = ClientCredentials::at(URL).post("my-client", "client");
    let body = r#"{"error":"invalid_client"}"#;
    let error = outcome(builder, Step::status(401, body)).await.unwrap_err();
    assert!(error.to_string().contains("(invalid_client)"), "{error}");
}

struct Broken(Phase, Option<&'static str>);

impl Transport for Broken {
    async fn send(
        &self,
        _: Request<Bytes>,
        _: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        Err(match self.1 {
            Some(cause) => TransportError::caused(self.0, io::Error::other(cause)),
            None => TransportError::new(self.0),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_fails_is_told_once() {
    let origin = "https://auth.example.com";
    for (phase, cause, message, source) in [
        (
            Phase::Connect,
            Some("name not known"),
            format!("no connection to {origin}"),
            "name not known",
        ),
        (
            Phase::Exchange,
            Some("reset"),
            format!("the connection to {origin} ended before its answer was whole"),
            "reset",
        ),
        (
            Phase::Connect,
            None,
            format!("no connection to {origin}"),
            "the transport gives no reason",
        ),
        (
            Phase::TooLarge,
            None,
            format!("{origin} answered with more than 1 MiB"),
            "nothing of it was used",
        ),
    ] {
        let source_of = client().build(Broken(phase, cause)).unwrap();
        let error = fetch(&source_of).await.unwrap_err();
        assert_eq!(chain(&error), format!("{message}\n{source}"));
    }
}

#[test]
fn a_variable_without_a_value_is_asked_for_in_plain_words() {
    let named = |name| Profile::named(name).unwrap();
    let ataccama = named("ataccama").var("realm", "acme");
    for (profile, expected) in [
        (
            named("is2"),
            "profile \"is2\" needs the variable \"realm\" (the realm's name in the token URL)",
        ),
        (
            ataccama.clone(),
            "profile \"ataccama\" needs the variable \"environment\" (the part of the domain before .ataccama.one)",
        ),
        (
            ataccama.clone().token_url(URL),
            "profile \"ataccama\" needs the variable \"environment\" (the part of the domain before .ataccama.one) for its origins alone: give it a value, or replace the origins",
        ),
    ] {
        assert_eq!(build_error(profile.client("id", SECRET)), expected);
    }
    let replaced = ataccama.token_url(URL).origins(["https://api.example.com"]);
    let replaced = replaced.client("id", SECRET).build(Script::default());
    assert!(replaced.is_ok());
}

#[tokio::test]
async fn the_other_way_to_write_basic_is_named_where_it_may_help() {
    let raw = "; the secret holds characters that some servers want as they are: if it is right, try basic_raw";
    let both = "; id and secret hold characters that some servers want as they are: if they are right, try basic_raw";
    let post =
        "; the id holds characters that some servers want as they are: if it is right, try post";
    let encoded = "; the id holds characters that most servers want percent-encoded: if it is right, try basic";
    let at = || ClientCredentials::at(URL);
    let invalid = r#"{"error":"invalid_client"}"#;
    for (builder, status, body, expected) in [
        (at().basic("my-client", "a+b/c="), 401, invalid, raw),
        (at().basic("my-client", "a+b/c="), 403, "", raw),
        (at().basic("my client", "a+b/c="), 401, invalid, both),
        (at().basic_raw("my client", "s3cret"), 401, invalid, encoded),
        (at().basic("my:client", "s3cret"), 401, invalid, post),
        (
            at().basic("my-client", "s3cret"),
            401,
            invalid,
            "check id and secret",
        ),
        (
            at().post("my client", "a+b/c="),
            401,
            invalid,
            "check id and secret",
        ),
        (
            at().basic("my-client", "s3cret\n"),
            401,
            invalid,
            "check id and secret; the secret ends with a line break",
        ),
        (
            at().basic("my-client", "a+b"),
            400,
            r#"{"error":"invalid_scope"}"#,
            "check the scope",
        ),
        (
            at().basic("my-client", "s3cret"),
            400,
            r#"{"error":"scope_invalid"}"#,
            "(scope_invalid): check the scope",
        ),
        (
            at().basic("my-client", "s3cret"),
            403,
            "",
            "(403): check id, secret and scope",
        ),
    ] {
        let error = outcome(builder, Step::status(status, body)).await;
        let error = error.unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
}

#[tokio::test]
async fn a_page_is_called_a_page() {
    for (status, body, expected) in [
        (502, "<html></html>", "answered 502 with an HTML page"),
        (
            404,
            "<html></html>",
            "answered 404 with an HTML page: check the token URL",
        ),
        (
            200,
            "<?xml?>",
            "answered 200 with an XML document: check the token URL",
        ),
    ] {
        let mut steps = Vec::new();
        steps.resize_with(3, || Step::status(status, body));
        let source = client().build(Script::of(steps)).unwrap();
        let error = fetch(&source).await.unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
}

#[test]
fn a_builder_is_small_enough_to_pass_around() {
    assert!(size_of::<TokenRequest>() <= 1024);
}
