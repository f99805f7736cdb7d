//! What the knobs of a profile make of a request, and what is refused before anything is sent.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass_oauth2::Profile;

use crate::common::{self, PLAIN, Script, Seen, Step, TOKEN, build_error, fetch, with};

async fn sent(lines: &str) -> Seen {
    common::sent(with(lines)).await
}

#[tokio::test]
async fn methods_and_encodings() {
    for (lines, method, query, body, content_type) in [
        (
            "method = \"PUT\"",
            "PUT",
            "",
            "grant_type=client_credentials",
            Some("application/x-www-form-urlencoded"),
        ),
        (
            "method = \"GET\"\nencoding = \"query\"",
            "GET",
            "?grant_type=client_credentials",
            "",
            None,
        ),
        ("encoding = \"none\"", "POST", "", "", None),
        (
            "encoding = \"json\"\nparams = { n = 7, b = true, l = [\"x\", 1] }",
            "POST",
            "",
            r#"{"grant_type":"client_credentials","n":7,"b":true,"l":["x",1]}"#,
            Some("application/json"),
        ),
        (
            "params = { n = 7, l = [\"x\", \"y\"] }\nquery = { who = \"{client_id}\" }",
            "POST",
            "?who=my-client",
            "grant_type=client_credentials&n=7&l=x&l=y",
            Some("application/x-www-form-urlencoded"),
        ),
        (
            "query = { grant_type = \"other\" }\nparams = { a = \"b\" }",
            "POST",
            "?grant_type=other",
            "a=b",
            Some("application/x-www-form-urlencoded"),
        ),
        (
            "scope = \"a b\"\nscope_param = \"permissions\"\nscope_separator = \",\"",
            "POST",
            "",
            "grant_type=client_credentials&permissions=a%2Cb",
            Some("application/x-www-form-urlencoded"),
        ),
    ] {
        let seen = sent(lines).await;
        assert_eq!(seen.method, method, "{lines}");
        assert_eq!(
            seen.uri,
            format!("https://auth.example.com/token{query}"),
            "{lines}"
        );
        assert_eq!(seen.body, body, "{lines}");
        assert_eq!(seen.header("content-type"), content_type, "{lines}");
    }
}

#[tokio::test]
async fn each_request_has_its_own_uuid_and_time() {
    let lines = "token_headers = { x-id = \"{uuid}\", x-at = \"{now}\", x-s = \"{now_unix}\", x-ms = \"{now_unix_ms}\" }";
    let script = Script::of([Step::ok(TOKEN), Step::ok(TOKEN)]);
    let source = with(lines).build(script.clone()).unwrap();
    fetch(&source).await.unwrap();
    fetch(&source).await.unwrap();
    let seen = script.seen();
    assert_ne!(seen[0].header("x-id"), seen[1].header("x-id"));
    assert_eq!(seen[0].header("x-id").unwrap().len(), 36);
    assert!(seen[0].header("x-at").unwrap().ends_with('Z'));
    let seconds: u64 = seen[0].header("x-s").unwrap().parse().unwrap();
    let milliseconds: u64 = seen[0].header("x-ms").unwrap().parse().unwrap();
    assert!(milliseconds / 1000 - seconds < 5);
    assert!(seen[0].headers["x-id"].is_sensitive());
}

#[tokio::test]
async fn custom_templates_carry_the_client_wherever_they_stand() {
    let seen = sent(
        "client_auth = \"custom\"\ntoken_headers = { authorization = \"ID {basic}\", x-user = \"{client_id}\" }",
    )
    .await;
    assert_eq!(
        seen.header("authorization"),
        Some("ID bXktY2xpZW50OnMzY3JldA==")
    );
    assert_eq!(seen.header("x-user"), Some("my-client"));
    assert!(seen.headers["authorization"].is_sensitive());
    assert_eq!(seen.body, "grant_type=client_credentials");
}

#[tokio::test]
async fn an_assertion_goes_to_the_issuer_or_the_token_url() {
    let key = include_str!("../keys/ed25519.pem");
    for (line, audience) in [
        (
            "issuer = \"https://{tenant}.example.com\"",
            "https://blue.example.com",
        ),
        (
            "assertion_for_token_url = true",
            "https://auth.example.com/token",
        ),
    ] {
        let text = format!(
            "{PLAIN}client_auth = \"private-key-jwt\"\nvariables = {{ tenant = \"t\" }}\n{line}"
        );
        let profile = Profile::from_toml(&text).unwrap().var("tenant", "blue");
        let seen = common::sent(profile.client("my-client", key)).await;
        let (_, jwt) = seen.body.split_once("client_assertion=").unwrap();
        let claims = URL_SAFE_NO_PAD
            .decode(jwt.split('.').nth(1).unwrap())
            .unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["aud"], audience, "{line}");
    }
}

#[test]
fn contradictions_are_found_before_anything_is_sent() {
    for (lines, expected) in [
        (
            "method = \"GET\"",
            "a GET has no body: set the encoding to query or none",
        ),
        (
            "encoding = \"none\"\nparams = { a = \"b\" }",
            "the parameter \"a\" has no place to stand in: the encoding is none",
        ),
        (
            "params = { a = { b = \"c\" } }",
            "the parameter \"a\" is nested, which only the encoding json can write",
        ),
        (
            "client_auth = \"custom\"",
            "client_auth is custom, but neither params nor query nor token_headers name {client_secret} or {basic}",
        ),
        (
            "params = { password = \"{client_secret}\" }",
            "a template names {client_secret} or {basic}: set client_auth to custom",
        ),
        (
            "client_auth = \"post\"\nencoding = \"query\"",
            "the client secret would stand in the URL: use basic with in_query",
        ),
        (
            "client_auth = \"custom\"\nquery = { key = \"{client_secret}\" }",
            "the parameter \"key\" would stand in the token URL, where logs keep it: send it in the body",
        ),
        (
            "client_auth = \"custom\"\nencoding = \"query\"\nparams = { key = \"{basic}\" }",
            "the parameter \"key\" would stand in the token URL, where logs keep it: send it in the body",
        ),
        (
            "query = { a = \"b\" }\nparams = { a = \"c\" }",
            "the parameter \"a\" is set twice",
        ),
        (
            "token_headers = { authorization = \"x\" }",
            "the header authorization is for the client's authentication: call basic or basic_raw",
        ),
        (
            "api_headers = { authorization = \"x\" }",
            "the header authorization carries the token and can't be constant too",
        ),
        (
            "api_headers = { x-url = \"{instance}\" }",
            "profile \"profile\" needs the variable \"instance\"",
        ),
    ] {
        assert_eq!(build_error(with(lines)), expected, "{lines}");
    }
}

#[test]
fn mistakes_are_named_with_their_line_and_field() {
    for (lines, expected) in [
        (
            "params = { a = \"{token}\" }",
            "profile:2: params has a template with {token}, which has no value there",
        ),
        (
            "scope = \"{client_id}\"",
            "profile:2: scope has a template with {client_id}, which has no value there",
        ),
        (
            "api_headers = { a = \"{client_secret}\" }",
            "profile:2: api_headers has a template with {client_secret}, which has no value there",
        ),
        (
            "header_value = \"x\"",
            "profile:2: header_value has no {token} in it",
        ),
        (
            "capture = { token = \"a\" }",
            "profile:2: capture has the name \"token\", which means something else already",
        ),
        (
            "\nrejected = {}",
            "profile:3: rejected holds a condition that every answer meets",
        ),
        (
            "success = { is = 0 }",
            "profile:2: success holds a condition that names neither header nor body",
        ),
        (
            "success = { body = \"a\", is = 0, absent = true }",
            "profile:2: success holds a condition that wants a value of what is absent",
        ),
        (
            "busy = { header = \"no name\" }",
            "profile:2: busy holds a condition on a header whose name is none",
        ),
        (
            "busy = { header = \"a\", body = \"b\" }",
            "profile:2: busy holds a condition on both a header and the body: use one",
        ),
        (
            "rejected = { status = 200, body = \"a\" }",
            "profile:2: rejected holds a condition on both the body and the status or a header",
        ),
        (
            "rejected = { body = \"a\", absent = true }",
            "profile:2: rejected holds a condition on what a body lacks, but only its beginning is seen",
        ),
        (
            "reissue = \"stale\"",
            "profile:2: unknown reissue \"stale\"; one of fresh, sticky, kills-old",
        ),
        (
            "method = \"DELETE\"",
            "profile:2: unknown method \"DELETE\"; one of POST, GET, PUT",
        ),
        (
            "answer = \"xml\"",
            "profile:2: unknown answer \"xml\"; one of json, text",
        ),
        (
            "expiry = { at = \"a\", unit = \"weeks\" }",
            "profile:2: unknown unit \"weeks\"; one of s, ms, unix, unix-ms, rfc3339, h:m:s, d:h:m, min, date, http-date, m/d/y, iso-duration",
        ),
    ] {
        let error = Profile::from_toml(&format!("{PLAIN}{lines}")).unwrap_err();
        let error = error.to_string();
        assert!(
            error == expected || error == expected.replacen(": ", ": expiry: ", 1),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_secret_goes_into_the_url_only_by_name() {
    let seen = sent(
        "client_auth = \"custom\"\nsecret_in_url = true\nmethod = \"GET\"\nencoding = \"query\"\nparams = { grant_type = \"client_credential\", appid = \"{client_id}\", secret = \"{client_secret}\" }",
    )
    .await;
    assert_eq!(
        seen.uri,
        "https://auth.example.com/token?grant_type=client_credential&appid=my-client&secret=s3cret"
    );
}
