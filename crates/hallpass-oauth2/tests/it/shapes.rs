//! The shapes of token endpoints that departed furthest from RFC 6749, each as a few lines of TOML.
//! `docs/profiles.md` lists them, with those that other tests show and those that are impossible.

use std::{fs, time::SystemTime};

use hallpass_core::Credential;
use hallpass_oauth2::{Profile, Secret, TokenRequest, token_type};

use crate::common::{
    self, PLAIN, Script, Seen, Step, TOKEN, fetch,
    jws::{self, Jws, param},
    with,
};

async fn run(request: TokenRequest, answers: Vec<Step>) -> (Vec<Seen>, Credential) {
    let fetches = answers.len();
    let script = Script::of(answers);
    let source = request.build(script.clone()).unwrap();
    let mut credential = fetch(&source).await.unwrap();
    for _ in 1..fetches {
        credential = fetch(&source).await.unwrap();
    }
    (script.seen(), credential)
}

/// What the API's header holds after an answer.
async fn used(lines: &str, answer: Step) -> String {
    let (_, credential) = run(with(lines), vec![answer]).await;
    let value = credential.header_value().to_str().unwrap();
    format!("{}: {value}", credential.header_name())
}

#[tokio::test]
async fn a_token_in_a_header() {
    let lines = "token = \"header:X-Subject-Token\"\nexpiry = { at = \"token.expires_at\", unit = \"rfc3339\" }\nheader = \"x-auth-token\"\nheader_value = \"{token}\"";
    let answer = Step::status(201, r#"{"token":{"expires_at":"1994-11-06T09:49:37Z"}}"#)
        .with("date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .with("x-subject-token", "gAAAA");
    let (_, credential) = run(with(lines), vec![answer]).await;
    assert_eq!(credential.header_value(), "gAAAA");
    assert_eq!(common::lifetime(&credential).unwrap().as_secs(), 3600);

    // The body need not be there, and the scheme may.
    let answer = Step::status(204, "").with("authorization", "Bearer abc");
    let found = used("token = \"header:authorization\"", answer).await;
    assert_eq!(found, "authorization: Bearer abc");
    // A body that says no still does.
    let refused = Step::status(401, r#"{"error":"invalid_client"}"#).with("x-subject-token", "a");
    let error = common::outcome(with(lines), refused).await.unwrap_err();
    assert!(error.is_permanent());
    let lacking = common::outcome(with(lines), Step::ok("{}")).await;
    let error = lacking.unwrap_err().to_string();
    assert!(error.ends_with("without an access token"), "{error}");
}

#[tokio::test]
async fn a_token_in_a_cookie() {
    let lines = "token = \"cookie:SESSION\"\ndefault_lifetime = 1800\nheader = \"cookie\"\nheader_value = \"SESSION={token}\"";
    let answer = Step::status(204, "").with("set-cookie", "SESSION=a%2Fb=; Path=/; HttpOnly");
    assert_eq!(used(lines, answer).await, "cookie: SESSION=a%2Fb=");
    let other = Step::status(204, "").with("set-cookie", "session=a");
    assert!(common::outcome(with(lines), other).await.is_err());
}

#[tokio::test]
async fn a_token_in_a_list() {
    let lines = "token = \"sessions.1.key\"\ntoken_type_optional = true";
    let answer = Step::ok(r#"{"sessions":[{"key":"a"},{"key":"b"}]}"#);
    assert_eq!(used(lines, answer).await, "authorization: Bearer b");
}

#[tokio::test]
async fn the_first_place_counts() {
    let lines = "token = [\"header:x-token\", \"access_token\"]";
    let both = Step::ok(TOKEN).with("x-token", "h");
    assert_eq!(used(lines, both).await, "authorization: Bearer h");
    let one = Step::ok(TOKEN);
    assert_eq!(used(lines, one).await, "authorization: Bearer t0ken");
}

#[test]
fn a_place_that_is_none_is_named() {
    for (place, fault) in [
        ("header:a b", "token names a header whose name is none"),
        ("cookie:", "token names a cookie whose name is none"),
    ] {
        let read = Profile::from_toml(&format!("{PLAIN}token = \"{place}\""));
        assert_eq!(read.unwrap_err().to_string(), format!("profile:2: {fault}"));
        let request = with("").profile(|profile| profile.token = vec![place.to_owned()]);
        let error = common::build_error(request);
        assert!(error.ends_with(fault), "{error}");
    }
}

#[tokio::test]
async fn the_scheme_inside_the_token() {
    for (lines, answer) in [
        (
            "token_type_optional = true",
            r#"{"access_token":"Bearer a.b-c"}"#,
        ),
        (
            "token = \"data.jwt\"\ntoken_type_optional = true",
            r#"{"data":{"jwt":"bearer  a.b-c"}}"#,
        ),
        ("answer = \"text\"", "\"Bearer a.b-c\""),
    ] {
        let found = used(lines, Step::ok(answer)).await;
        assert_eq!(found, "authorization: Bearer a.b-c");
    }
    // Nothing is left of it, and another scheme is no bearer token.
    for answer in [
        r#"{"access_token":"Bearer "}"#,
        r#"{"access_token":"MAC a"}"#,
    ] {
        let request = with("token_type_optional = true");
        assert!(common::outcome(request, Step::ok(answer)).await.is_err());
    }
}

#[tokio::test]
async fn three_parts_joined_and_encoded() {
    let profile = Profile::from_toml(&format!(
        "{PLAIN}client_auth = \"custom\"\nparams = {{ grant_type = \"\", key = \"{{base64({{client_id}}|{{client_secret}}|{{realm}})}}\" }}\nheader = \"authorization\"\nheader_value = \"Basic {{base64({{client_id}}:{{token}}:{{realm}})}}\""
    ));
    let request = profile.unwrap().var("realm", "r").client("id", "s");
    let (seen, credential) = run(request, vec![Step::ok(TOKEN)]).await;
    assert_eq!(param(&seen[0].body, "key").as_deref(), Some("aWR8c3xy"));
    assert_eq!(credential.header_value(), "Basic aWQ6dDBrZW46cg==");
}

#[tokio::test]
async fn dates_with_offsets_as_parameters() {
    let lines = "params = { until = \"{now(+1h, unix)}\", day = \"{now(-1d, %Y%m%d)}\", stamp = \"{now(http-date)}\" }";
    let (seen, _) = run(with(lines), vec![Step::ok(TOKEN)]).await;
    let value = |name| param(&seen[0].body, name).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let until: u64 = value("until").parse().unwrap();
    assert!(until.abs_diff(now.unwrap().as_secs() + 3600) < 5);
    assert_eq!(value("day").len(), 8);
    assert!(value("day").bytes().all(|byte| byte.is_ascii_digit()));
    assert!(value("stamp").ends_with(" GMT"));
}

#[tokio::test]
async fn a_metadata_address() {
    let at = |host: &str| {
        let text = format!(
            "token_url = \"http://{host}/token\"\nmethod = \"GET\"\nencoding = \"none\"\nclient_auth = \"none\"\ntoken_headers = {{ metadata = \"true\" }}"
        );
        Profile::from_toml(&text).unwrap().client("id", "")
    };
    for host in ["169.254.169.254", "[fd00:ec2::254]", "127.0.0.1:40342"] {
        let (seen, _) = run(at(host), vec![Step::ok(TOKEN)]).await;
        assert_eq!(seen[0].uri, format!("http://{host}/token"));
        assert_eq!(seen[0].header("metadata"), Some("true"));
    }
    for host in ["169.254.169.253", "10.0.0.1", "metadata.google.internal"] {
        let error = common::build_error(at(host));
        assert!(error.contains("in the clear: use https"), "{error}");
    }
}

#[tokio::test]
async fn an_exchange_that_does_not_say_what_it_issued() {
    let lines = "grant = \"token_exchange\"\nrequested_token_type = \"urn:ietf:params:oauth:token-type:access_token\"\nissued_token_type_optional = true";
    let exchange = |lines| with(lines).subject_token("sub", token_type::JWT);
    let (seen, credential) = run(exchange(lines), vec![Step::ok(TOKEN)]).await;
    assert_eq!(
        param(&seen[0].body, "subject_token").as_deref(),
        Some("sub")
    );
    assert_eq!(credential.header_value(), "Bearer t0ken");
    let strict = exchange("grant = \"token_exchange\"");
    let error = common::outcome(strict, Step::ok(TOKEN)).await.unwrap_err();
    assert!(error.to_string().contains("issued_token_type"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_client_assertion_from_a_file_by_name() {
    let lines = "client_auth = \"custom\"\nsend_client_id = true\nparams = { client_assertion_type = \"urn:ietf:params:oauth:client-assertion-type:jwt-bearer\", client_assertion = \"{client_secret}\" }";
    let name = format!("hallpass-shape-{}.jwt", std::process::id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, "a.b.c\n").unwrap();
    let profile = Profile::from_toml(&format!("{PLAIN}{lines}")).unwrap();
    let request = profile.client("my-client", Secret::file(&path));
    let script = Script::of([Step::ok(TOKEN), Step::ok(TOKEN)]);
    let source = request.build(script.clone()).unwrap();
    fetch(&source).await.unwrap();
    fs::write(&path, "d.e.f").unwrap();
    fetch(&source).await.unwrap();
    fs::remove_file(&path).unwrap();
    let sent: Vec<_> = script
        .seen()
        .iter()
        .map(|seen| param(&seen.body, "client_assertion").unwrap())
        .collect();
    assert_eq!(sent, ["a.b.c", "d.e.f"]);
}

#[tokio::test]
async fn algorithms_of_384_bits_in_a_file() {
    for (alg, key) in [
        ("RS384", jws::RSA),
        ("PS384", jws::RSA),
        ("ES384", jws::P384),
    ] {
        let lines = format!(
            "{PLAIN}client_auth = \"private-key-jwt\"\nissuer = \"https://as\"\nassertion_alg = \"{alg}\""
        );
        let profile = Profile::from_toml(&lines).unwrap();
        let seen = common::sent(profile.client("my-client", key)).await;
        let jws = Jws::of(&seen.body, "client_assertion");
        assert_eq!(jws.header["alg"], alg);
        assert!(jws.verifies(), "{alg}");
    }
}
