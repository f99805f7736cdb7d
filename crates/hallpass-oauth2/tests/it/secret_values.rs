//! Secrets beside the client's: in variables, parameters and headers, and what templates make of
//! them.

use hallpass_core::{Cached, CredentialSource as _};
use hallpass_oauth2::{Profile, Secret, TokenRequest};
use http::{HeaderMap, Method, Uri};

use crate::common::{self, PLAIN, Script, Step, TOKEN, chain, client, fetch, sent};

const SECRET: &str = "hun\"ter<2>&\u{e9} %/+";

fn profile(lines: &str) -> Profile {
    Profile::from_toml(&format!("{PLAIN}{lines}")).unwrap()
}

const LINES: &str = "params = { user = \"{user}\", pass = \"{login}\" }\ntoken_headers = { x-app = \"id={client_id};key={login_key}\" }\napi_headers = { x-app-key = \"{login_key}\" }";

#[tokio::test]
async fn variables_may_be_secret() {
    let (login, handle) = Secret::rotating("first");
    let script = Script::of([Step::ok(TOKEN), Step::ok(TOKEN)]);
    let source = profile(LINES)
        .var("user", "robot")
        .var("login", login)
        .var("login_key", Secret::from("k3y"))
        .client("my-client", "s3cret")
        .build(script.clone())
        .unwrap();
    let credential = fetch(&source).await.unwrap();
    let before = source.version();
    handle.set("second");
    assert_ne!(source.version(), before);
    fetch(&source).await.unwrap();
    let seen = script.seen();
    assert!(seen[0].body.ends_with("user=robot&pass=first"));
    assert!(seen[1].body.ends_with("user=robot&pass=second"));
    assert_eq!(seen[0].header("x-app"), Some("id=my-client;key=k3y"));
    let mut headers = HeaderMap::new();
    credential
        .attach(&Method::GET, &Uri::from_static("/"), &mut headers)
        .unwrap();
    assert_eq!(headers["x-app-key"], "k3y");
    assert!(headers["x-app-key"].is_sensitive());
}

#[tokio::test(start_paused = true)]
async fn a_changed_variable_ends_a_remembered_refusal() {
    let (login, handle) = Secret::rotating("first");
    let refused = Step::status(400, r#"{"error":"invalid_request"}"#);
    let script = Script::of([refused, Step::ok(TOKEN)]);
    let builder = client().param("pass", login);
    let cached = Cached::new(builder.build(script).unwrap());
    assert!(cached.get().await.unwrap_err().is_permanent());
    handle.set("second");
    cached.get().await.unwrap();
}

#[tokio::test]
async fn what_was_sent_is_masked_wherever_it_stood() {
    let with = |lines: &str| profile(lines).client("my-client", "s3cret");
    let variable = |value: Secret| {
        let profile = profile("params = { x = \"{x}\" }").var("x", value);
        profile.client("my-client", "s3cret")
    };
    let base64 = "params = { x = \"{base64({x}|1)}\" }";
    let builders: Vec<TokenRequest> = vec![
        variable(Secret::from(SECRET)),
        profile(base64)
            .var("x", Secret::from(SECRET))
            .client("my-client", "s3cret"),
        // Plain, but by their names no less secret.
        profile("params = { x = \"{password}\" }")
            .var("password", SECRET)
            .client("a", "s3cret"),
        with(&format!("params = {{ password = '{SECRET}' }}")),
        client().param("api_key", SECRET),
        client().param("x", Secret::from(SECRET)),
        client().post("my-client", SECRET),
    ];
    for builder in builders {
        for spelling in [
            SECRET.to_owned(),
            serde_json::to_string(SECRET).unwrap(),
            SECRET
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('"', "&quot;"),
            "hun%22ter%3C2%3E%26%C3%A9%20%25%2F%2B".to_owned(),
        ] {
            let said = serde_json::json!({ "error": "nope", "error_description": spelling });
            let script = Script::of([Step::status(400, said.to_string())]);
            let source = builder.clone().build(script).unwrap();
            let error = fetch(&source).await.unwrap_err();
            let told = format!("{}{error:?}", chain(&error));
            assert!(told.contains("[secret]") && !told.contains("hun"), "{told}");
        }
    }
}

#[tokio::test]
async fn templates_know_functions() {
    let seen = sent(
        profile("client_auth = \"custom\"\ntoken_headers = { x-auth = \"Three {base64({client_id};{client_secret};{part})}\", x-day = \"{now(%Y)}\", x-until = \"{now_unix(+5m)}\" }")
            .var("part", "p")
            .client("id", "s"),
    )
    .await;
    assert_eq!(seen.header("x-auth"), Some("Three aWQ7cztw"));
    let year: u32 = seen.header("x-day").unwrap().parse().unwrap();
    assert!(year >= 2026);
    let until: u64 = seen.header("x-until").unwrap().parse().unwrap();
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(until.abs_diff(now.as_secs() + 300) < 5, "{until}");

    let builder = profile("header = \"x-k\"\nheader_value = \"{base64({token}:)}\"");
    let script = Script::of([Step::ok(TOKEN)]);
    let source = builder.client("a", "b").build(script).unwrap();
    let credential = fetch(&source).await.unwrap();
    assert_eq!(credential.header_value(), "dDBrZW46");
}

#[test]
fn what_is_fixed_is_checked_when_it_is_built() {
    let build = |profile: Profile| {
        let built = profile.client("a", "b").build(Script::default());
        built.unwrap_err().to_string()
    };
    let url = Profile::from_toml("token_url = \"https://{host}/t\"").unwrap();
    for (found, expected) in [
        (
            build(profile("api_headers = { x-key = \"{key}\" }").var("key", "k3y\n")),
            "the value of the header x-key holds a character that no header may hold",
        ),
        (
            build(url.clone().var("host", Secret::from("auth.example.com"))),
            "the token request has the secret variable \"host\" where it would be shown: its value must be a plain text there",
        ),
        (
            build(profile("params = { a = \"{a}\" }").var("a", "x".repeat(2 * 1024 * 1024))),
            "profile \"profile\" has a template that grows beyond 1 MiB",
        ),
    ] {
        assert!(
            found == expected
                || found == expected.replace("the token request", "profile \"profile\""),
            "{found}"
        );
    }
    let source = url
        .var("host", "tableau.acme.example:8443")
        .client("a", "b");
    let shown = format!("{:?}", source.build(Script::default()).unwrap());
    assert!(
        shown.contains("https://tableau.acme.example:8443/t"),
        "{shown}"
    );
}

#[tokio::test]
async fn requests_without_a_body_say_so() {
    for (lines, length) in [
        ("encoding = \"none\"", Some("0")),
        ("encoding = \"query\"", Some("0")),
        ("encoding = \"query\"\nmethod = \"GET\"", None),
        ("", None),
    ] {
        let seen = sent(profile(lines).client("a", "b")).await;
        assert_eq!(seen.header("content-length"), length, "{lines}");
        assert_eq!(seen.header("accept-encoding"), Some("identity"));
    }
}

#[tokio::test]
async fn hints_to_the_engine() {
    let described = |lines: &str| {
        let source = profile(lines)
            .client("a", "b")
            .build(Script::default())
            .unwrap();
        let description = source.description();
        assert!(!description.one_at_a_time);
        (description.hedge, description.kills_old)
    };
    assert_eq!(described(""), (true, false));
    assert_eq!(described("reissue = \"kills-old\""), (false, true));
    assert_eq!(described("min_interval = 60"), (false, false));
    assert_eq!(described("metered = true"), (false, false));
    let refresh = hallpass_oauth2::RefreshToken::at(common::URL)
        .refresh_token("r")
        .public("id");
    let source = refresh.build(Script::default()).unwrap();
    let description = source.description();
    assert!(description.one_at_a_time && !description.hedge);
    // Whatever uses it says so too.
    let chain = hallpass_oauth2::Chain::of(
        profile("")
            .client("a", "b")
            .build(Script::default())
            .unwrap(),
    )
    .or(source.clone());
    assert!(chain.description().one_at_a_time);
    let then = |token| profile("").client("a", token).build(Script::default());
    let composed = hallpass_oauth2::Composed::new(source, then).unwrap();
    assert!(composed.description().one_at_a_time);
}
