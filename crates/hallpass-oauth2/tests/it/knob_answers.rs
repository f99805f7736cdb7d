//! What the knobs of a profile make of an answer, and of when to ask again.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hallpass_core::{Cached, Clock, Credential, CredentialSource as _, Error, Moment};
use hallpass_oauth2::Profile;
use http::{HeaderMap, Method, Uri};

use crate::common::{PLAIN, Script, Step, TOKEN, chain, fetch, outcome, with};

async fn answered(lines: &str, step: Step) -> Result<Credential, Error> {
    outcome(with(lines), step).await
}

fn header(credential: &Credential, name: &str) -> Option<String> {
    let mut headers = HeaderMap::new();
    credential
        .attach(&Method::GET, &Uri::from_static("/"), &mut headers)
        .ok()?;
    let value = headers.get(name)?;
    Some(value.to_str().ok()?.to_owned())
}

#[tokio::test]
async fn tokens_are_found_where_they_are_said_to_be() {
    let several = "token = [\"data.token\", \"jwt\", \"/odd/to.ken\"]\ntoken_type_optional = true";
    for (lines, body, expected) in [
        (
            several,
            r#"{"data":{"token":"a"},"jwt":"b"}"#,
            Ok("Bearer a"),
        ),
        (
            several,
            r#"{"data":{"token":""},"jwt":"b"}"#,
            Ok("Bearer b"),
        ),
        (several, r#"{"odd":{"to.ken":"c"}}"#, Ok("Bearer c")),
        (
            several,
            r#"{"data":[]}"#,
            Err("answered 200 without an access token"),
        ),
        (
            several,
            r#"{"jwt":"b","jwt":"c"}"#,
            Err("answered 200 with two members \"jwt\""),
        ),
        ("answer = \"text\"", "a-b\n", Ok("Bearer a-b")),
        ("answer = \"text\"", "\"a-b\"", Ok("Bearer a-b")),
        (
            "answer = \"text\"",
            "",
            Err("answered 200 with an empty body"),
        ),
        (
            "answer = \"text\"",
            "Wrong password",
            Err("issued an access token that no header can carry"),
        ),
        (
            "answer = \"text\"",
            "<html>",
            Err("with an HTML page: check the token URL"),
        ),
        (
            "answer = \"text\"",
            "{\"error\":1}",
            Err("answered 200 with JSON instead of a token"),
        ),
        (
            "answer = \"text\"\nheader = \"x-t\"\nheader_value = \"{token}\"",
            "Wrong password",
            Err("issued an access token that no header can carry"),
        ),
        (
            "",
            r#"{"access_token":"a!b","token_type":"Bearer"}"#,
            Err("that no header can carry"),
        ),
        (
            "lenient_token = true",
            r#"{"access_token":"a!b","token_type":"Bearer"}"#,
            Ok("Bearer a!b"),
        ),
        (
            "lenient_token = true",
            r#"{"access_token":"a\nb","token_type":"Bearer"}"#,
            Err("that no header can carry"),
        ),
        (
            "token_types = \"BearerToken\"",
            r#"{"access_token":"a","token_type":"bearertoken"}"#,
            Ok("Bearer a"),
        ),
        (
            "token_types = \"BearerToken\"",
            r#"{"access_token":"a","token_type":"mac"}"#,
            Err("of type \"mac\""),
        ),
    ] {
        let found = answered(lines, Step::ok(body)).await;
        match expected {
            Ok(value) => assert_eq!(found.unwrap().header_value(), value, "{lines}"),
            Err(part) => {
                let error = found.unwrap_err().to_string();
                assert!(error.contains(part), "{lines} {body}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn success_and_throttles_are_what_the_profile_says() {
    let lines = "success = { body = \"code\", is = 0 }\nbusy = [{ body = \"code\", is = 99991400 }, { status = 400, header = \"x-limit\" }]\nrefused = { body = \"code\", is = 10014 }\ntoken_type_optional = true";
    let refused = answered(
        lines,
        Step::ok(r#"{"code":10014,"msg":"app secret invalid"}"#),
    )
    .await;
    let error = refused.unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(
        error.to_string(),
        "https://auth.example.com refused client \"my-client\" (10014): check id, secret and parameters"
    );
    assert_eq!(error.code(), Some("10014"));
    let unknown = Step::ok(r#"{"code":7,"msg":"system busy"}"#);
    let error = answered(lines, unknown).await.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(
        chain(&error).lines().last(),
        Some("status 200, error 7: system busy")
    );
    let missing = answered(lines, Step::ok("{}")).await.unwrap_err();
    assert!(missing.is_transient());
    for step in [
        Step::ok(r#"{"code":99991400}"#).with("retry-after", "7"),
        Step::status(400, "{}")
            .with("x-limit", "1")
            .with("retry-after", "7"),
    ] {
        let error = answered(lines, step).await.unwrap_err();
        assert!(error.is_transient());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    }
    assert!(
        answered(lines, Step::status(400, "{}"))
            .await
            .unwrap_err()
            .is_transient()
    );
    assert!(
        answered(lines, Step::ok(r#"{"code":"0","access_token":"t"}"#))
            .await
            .is_ok()
    );
    let absent = "success = { body = \"errcode\", absent = true }\ntoken_type_optional = true";
    assert!(
        answered(absent, Step::ok(r#"{"access_token":"t","errcode":null}"#))
            .await
            .is_ok()
    );
    let error = answered(absent, Step::ok(r#"{"errcode":40013,"errmsg":"x"}"#))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("(40013)"));
}

#[tokio::test]
async fn ends_are_read_in_every_unit_and_the_earliest_counts() {
    let lines = "expiry = [\"expires_in\", { at = \"d.ms\", unit = \"ms\" }, { at = \"d.at\", unit = \"rfc3339\" }, { at = \"d.u\", unit = \"unix-ms\" }]\ndefault_lifetime = 42";
    for (rest, expected) in [
        (r#""expires_in":300,"d":{"ms":200000}"#, 200_000),
        (r#""expires_in":"100","d":{"ms":200000}"#, 100_000),
        (r#""d":{"at":"1994-11-06T08:50:37Z"}"#, 60_000),
        (r#""d":{"u":"784111807000"}"#, 30_000),
        (r#""d":{"at":"soon","ms":null}"#, 42_000),
        (r#""d":7"#, 42_000),
    ] {
        let body = format!(r#"{{"access_token":"t","token_type":"Bearer",{rest}}}"#);
        let step = Step::ok(body).with("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let credential = answered(lines, step).await.unwrap();
        assert_eq!(
            credential.lifetime(),
            Some(Duration::from_millis(expected)),
            "{rest}"
        );
    }
}

#[tokio::test]
async fn captured_fields_come_along_and_may_stand_in_headers() {
    let lines = "capture = { instance = \"urls.0\", number = \"n\" }\napi_headers = { x-instance = \"<{instance}>\", x-id = \"{client_id}\" }";
    let body = r#"{"access_token":"t","token_type":"Bearer","urls":["https://a.example"],"n":7}"#;
    let credential = answered(lines, Step::ok(body)).await.unwrap();
    assert_eq!(credential.field("instance"), Some("https://a.example"));
    assert_eq!(credential.field("number"), Some("7"));
    assert_eq!(
        header(&credential, "x-instance").as_deref(),
        Some("<https://a.example>")
    );
    assert_eq!(header(&credential, "x-id").as_deref(), Some("my-client"));
    let error = answered(lines, Step::ok(TOKEN)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "https://auth.example.com answered 200 without its instance"
    );
    let hostile = r#"{"access_token":"t","token_type":"Bearer","urls":["a\r\nx: y"]}"#;
    let error = answered(lines, Step::ok(hostile)).await.unwrap_err();
    assert!(!chain(&error).contains("x: y"));
}

#[tokio::test]
async fn who_asks_too_soon_is_told_how_long_to_wait() {
    let long = r#"{"access_token":"t","token_type":"Bearer","expires_in":3600}"#;
    let script = Script::of([Step::status(500, ""), Step::ok(long)]);
    let source = with("min_interval = 570").build(script.clone()).unwrap();
    assert!(fetch(&source).await.is_err());
    fetch(&source).await.unwrap();
    let error = fetch(&source.clone()).await.unwrap_err();
    assert!(error.is_transient());
    assert!(error.retry_after().unwrap() > Duration::from_secs(560));
    let message = error.to_string();
    assert!(
        message.starts_with("https://auth.example.com issues one token in 570 s"),
        "{message}"
    );
    assert_eq!(script.seen().len(), 2);
}

/// A clock that moves by hand.
#[derive(Clone)]
struct Hands(Arc<Mutex<Moment>>);

impl Clock for Hands {
    fn now(&self) -> Moment {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// After how many seconds the engine asks again ahead of the end; looked at every ten.
#[allow(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]
async fn renewed_after(lines: &str) -> Option<u64> {
    let body = r#"{"access_token":"t","token_type":"Bearer","expires_in":3600}"#;
    let script = Script::of([Step::ok(body), Step::ok(body)]);
    let second = Duration::from_secs(1);
    let start = Moment {
        monotonic: 1000 * second,
        wall: 1_800_000_000 * second,
    };
    let hands = Hands(Arc::new(Mutex::new(start)));
    let source = with(lines).build(script.clone()).unwrap();
    let cached = Cached::builder(source).clock(hands.clone()).build();
    cached.get().await.unwrap();
    for after in (0..3580).step_by(10) {
        *hands.0.lock().unwrap() = start.plus(Duration::from_secs(after));
        cached.get().await.unwrap();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        if script.seen_count() > 1 {
            return Some(after);
        }
    }
    None
}

#[tokio::test]
async fn renewal_keeps_to_how_the_vendor_reissues() {
    let plain = renewed_after("").await.unwrap();
    assert!((3220..=3310).contains(&plain), "{plain}");
    let early = renewed_after("renew_before = 600").await.unwrap();
    assert!((2700..=3000).contains(&early), "{early}");
    // No sooner than the vendor bears, and before the token can't be used any more.
    for (lines, soonest) in [
        ("reissue = \"sticky\"", 3570),
        ("reissue = \"sticky\"\nrenew_before = 60", 3540),
        ("reissue = \"kills-old\"", 3570),
        ("reissue = \"kills-old\"\ngrace = 300", 3300),
    ] {
        let renewed = renewed_after(lines).await.unwrap_or(3580);
        assert!((soonest..=3580).contains(&renewed), "{lines}: {renewed}");
    }
}

#[test]
fn what_a_profile_holds_is_not_printed() {
    let profile = Profile::from_toml(&format!(
        "{PLAIN}token_headers = {{ x-key = \"hidden\" }}\nparams = {{ a = \"hidden\" }}"
    ));
    let profile = profile.unwrap();
    assert!(!format!("{profile:?} {:?}", profile.params).contains("hidden"));
    let source = profile
        .client("a", "hidden")
        .build(Script::default())
        .unwrap();
    assert!(!format!("{source:?} {:?}", source.description()).contains("hidden"));
}
