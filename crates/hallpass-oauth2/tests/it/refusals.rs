//! Answers outside 2xx: what kind of error, and what it tells its reader to check.

use std::time::Duration;

use hallpass_oauth2::ClientCredentials;

use crate::common::{Script, Step, URL, chain, client, fetch, outcome};

const KEYCLOAK: &str = "https://auth.example.com/auth/realms/x/protocol/openid-connect/token";

fn error(code: &str) -> String {
    format!(r#"{{"error":"{code}","error_description":"told so"}}"#)
}

#[tokio::test]
async fn refusals_are_permanent_and_say_what_to_check() {
    let refused = "https://auth.example.com refused client \"my-client\"";
    for (status, body, expected) in [
        (
            401,
            error("invalid_client"),
            "(invalid_client): check id and secret",
        ),
        (
            400,
            error("invalid_client"),
            "(invalid_client): check id and secret",
        ),
        (
            422,
            error("invalid_client"),
            "(invalid_client): check id and secret",
        ),
        (
            200,
            error("invalid_client"),
            "(invalid_client): check id and secret",
        ),
        (
            401,
            error("unauthorized_client"),
            "(unauthorized_client): check id and secret, and that the client may use this grant",
        ),
        (
            400,
            error("invalid_scope"),
            "(invalid_scope): check the scope",
        ),
        (
            400,
            error("invalid_target"),
            "(invalid_target): check resource and audience",
        ),
        (
            400,
            error("unsupported_grant_type"),
            "(unsupported_grant_type): check the token URL, and that the server offers this grant",
        ),
        (
            400,
            error("invalid_request"),
            "(invalid_request): check the parameters and how the client authenticates",
        ),
        (
            403,
            error("access_denied"),
            "(access_denied): check what the client is allowed to do",
        ),
        (
            500,
            error("invalid_client"),
            "(invalid_client): check id and secret",
        ),
        (401, String::new(), "(401): check id and secret"),
        (
            401,
            r#"{"status":401,"message":"no"}"#.to_owned(),
            "(401): check id and secret",
        ),
    ] {
        let found = outcome(client(), Step::status(status, body))
            .await
            .unwrap_err();
        assert_eq!(
            found.to_string(),
            format!("{refused} {expected}"),
            "{status}"
        );
        assert!(found.is_permanent(), "{status}");
    }
    let challenged = Step::status(401, error("invalid_client")).with("www-authenticate", "Basic");
    assert!(
        outcome(client(), challenged)
            .await
            .unwrap_err()
            .is_permanent()
    );
}

#[tokio::test]
async fn a_realm_in_the_url_is_named() {
    let builder = ClientCredentials::at(KEYCLOAK).post("my-client", "s3cret");
    let found = outcome(builder, Step::status(401, error("invalid_client")))
        .await
        .unwrap_err();
    assert_eq!(
        found.to_string(),
        "https://auth.example.com refused client \"my-client\" (invalid_client): check id, secret and realm"
    );
}

#[tokio::test]
async fn traces_of_copying_are_named() {
    for (id, secret, expected) in [
        (
            "my-client",
            "s3cret\n",
            "; the secret ends with a line break",
        ),
        ("my-client", "s3cret ", "; the secret ends with a space"),
        (" my-client", "s3cret", "; the id begins with a space"),
        (
            "my-client ",
            "s3cret\r\n",
            "; the id ends with a space; the secret ends with a line break",
        ),
        ("my-client", "", "; the secret is empty"),
        (
            "my-client",
            "\"s3cret\"",
            "; the secret is in quotation marks",
        ),
        (
            "my-client",
            "Bearer s3cret",
            "; the secret begins with \"Bearer\"",
        ),
        (
            "my-client",
            "s3\u{200b}cret",
            "; the secret holds an invisible character",
        ),
        ("my-client", "s3cret", "check id and secret"),
    ] {
        let builder = ClientCredentials::at(URL).basic(id, secret);
        let step = Step::status(401, error("invalid_client"));
        let found = outcome(builder, step).await.unwrap_err().to_string();
        assert!(found.ends_with(expected), "{found}");
        assert!(!found.contains("s3"), "{found}");
    }
}

#[tokio::test]
async fn a_wrong_path_names_the_path_and_never_the_query() {
    let at = |url: &str| ClientCredentials::at(url).basic("my-client", "s3cret");
    let page = "<html>s3cr3t</html>";
    for (builder, status, body, expected) in [
        (
            at(KEYCLOAK),
            404,
            page,
            "https://auth.example.com/auth/realms/x/protocol/openid-connect/token answered 404 with an HTML page: check the token URL and the realm",
        ),
        (
            at(KEYCLOAK),
            404,
            r#"{"error":"Realm does not exist"}"#,
            "https://auth.example.com/auth/realms/x/protocol/openid-connect/token answered 404: check the token URL and the realm",
        ),
        (
            at("https://auth.example.com/token?key=hidden"),
            405,
            "",
            "https://auth.example.com/token answered 405: check the token URL and the method",
        ),
        (
            at(URL),
            410,
            "gone",
            "https://auth.example.com/token answered 410: check the token URL",
        ),
        (
            at(URL),
            401,
            page,
            "https://auth.example.com/token answered 401 with an HTML page: check the token URL",
        ),
    ] {
        let found = outcome(builder, Step::status(status, body))
            .await
            .unwrap_err();
        assert_eq!(found.to_string(), expected);
        // A 401 answers the client's authentication, whoever wrote the page.
        assert_eq!(found.is_permanent(), status == 401);
        assert!(!chain(&found).contains("s3cr3t") && !chain(&found).contains("hidden"));
    }
}

#[tokio::test]
async fn redirects_are_never_followed() {
    for status in [301, 302, 303, 307, 308] {
        let script =
            Script::of([Step::status(status, "").with("location", "https://evil.example/token")]);
        let found = fetch(&client().build(script.clone()).unwrap())
            .await
            .unwrap_err();
        assert_eq!(
            found.to_string(),
            format!(
                "https://auth.example.com answered {status} to another address; token requests are never redirected: configure the final URL"
            )
        );
        assert!(found.is_transient());
        assert!(!chain(&found).contains("evil"));
        script.only();
    }
}

#[tokio::test]
async fn overload_is_transient_and_says_when() {
    for (status, expected) in [
        (408, "https://auth.example.com answered 408"),
        (425, "https://auth.example.com answered 425"),
        (
            429,
            "https://auth.example.com is rate limiting token requests",
        ),
        (500, "https://auth.example.com answered 500"),
        (501, "https://auth.example.com answered 501"),
    ] {
        let found = outcome(client(), Step::status(status, ""))
            .await
            .unwrap_err();
        assert_eq!(found.to_string(), expected);
        assert!(found.is_transient() && found.retry_after().is_none());
    }
    for status in [429, 503] {
        let step = Step::status(status, "").with("retry-after", "12");
        let found = outcome(client(), step).await.unwrap_err();
        assert!(
            found.to_string().ends_with("; next attempt in 12 s"),
            "{found}"
        );
        assert_eq!(found.retry_after(), Some(Duration::from_secs(12)));
    }
    let quota = "b=per_hour;q=10;r=0;t=354,b=per_day;q=300;r=7;t=3540";
    let step = || Step::status(429, "").with("auth0-client-quota-limit", quota);
    for (step, expected) in [(step(), 354), (step().with("retry-after", "12"), 12)] {
        let found = outcome(client(), step).await.unwrap_err();
        assert_eq!(found.retry_after(), Some(Duration::from_secs(expected)));
    }
    let step = Step::status(429, "").with("retry-after", "99999999999999999999");
    let found = outcome(client(), step).await.unwrap_err();
    assert_eq!(found.retry_after(), Some(Duration::from_secs(3600)));
    let step = Step::status(429, "").with("retry-after", "soon");
    assert_eq!(
        outcome(client(), step).await.unwrap_err().retry_after(),
        None
    );
}

#[tokio::test]
async fn some_codes_pass_whatever_the_status() {
    for code in ["temporarily_unavailable", "server_error", "slow_down"] {
        let found = outcome(client(), Step::status(400, error(code)))
            .await
            .unwrap_err();
        assert_eq!(
            found.to_string(),
            format!("https://auth.example.com answered 400 ({code})")
        );
        assert!(found.is_transient());
    }
    let found = outcome(client(), Step::ok(error("Access Denied")))
        .await
        .unwrap_err();
    assert_eq!(
        found.to_string(),
        "https://auth.example.com answered 200 with an error \"Access Denied\""
    );
    assert!(found.is_transient());
    let beside = r#"{"access_token":"t","token_type":"Bearer","error":""}"#;
    assert!(outcome(client(), Step::ok(beside)).await.is_ok());
}

#[tokio::test]
async fn what_the_server_says_is_cleaned_and_capped() {
    let body = format!(
        r#"{{"error":"x\u001b[31m\"{}","error_description":"\u001b[31m\n{}"}}"#,
        "e".repeat(9999),
        "d".repeat(64 * 1024)
    );
    let found = outcome(client(), Step::status(400, body))
        .await
        .unwrap_err();
    for line in chain(&found).lines() {
        assert!(line.len() < 700, "{}", line.len());
        assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    }
    let found = outcome(client(), Step::status(400, error("invalid_scope")))
        .await
        .unwrap_err();
    assert!(!found.to_string().contains("told so"));
    assert_eq!(
        std::error::Error::source(&found).unwrap().to_string(),
        "status 400, error invalid_scope: told so"
    );
}

#[tokio::test]
async fn a_hostile_id_is_cleaned_too() {
    let builder = ClientCredentials::at(URL).basic("my\"client\n\u{1b}", "s3cret");
    let found = outcome(builder, Step::status(401, "")).await.unwrap_err();
    assert_eq!(
        found.to_string(),
        "https://auth.example.com refused client \"my'client??\" (401): check id and secret; the id holds a line break"
    );
}
