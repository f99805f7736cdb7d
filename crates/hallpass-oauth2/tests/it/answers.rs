//! Successful answers, and answers that only claim to be.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass_oauth2::{ClientCredentials, Expiry};

use crate::common::{self, Step, TOKEN, client, lifetime, outcome};

fn expires_in(text: &str) -> String {
    format!(r#"{{"access_token":"t","token_type":"Bearer","expires_in":{text}}}"#)
}

fn jwt(exp: u64) -> String {
    let payload = URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{exp}}}"));
    format!("eyJhbGciOiJub25lIn0.{payload}.c2ln")
}

#[tokio::test]
async fn a_plain_answer_becomes_a_header() {
    let body = r#"{"access_token":"mF_9.B5f-4.1JqM","token_type":"Bearer","expires_in":300,
        "refresh_token":"r","not-before-policy":0,"example_parameter":{"deep":[1e400]}}"#;
    let credential = outcome(client(), Step::ok(body)).await.unwrap();
    assert_eq!(credential.header_name(), "authorization");
    assert_eq!(
        credential.header_value().to_str().unwrap(),
        "Bearer mF_9.B5f-4.1JqM"
    );
    assert!(credential.header_value().is_sensitive());
    assert_eq!(lifetime(&credential), Some(Duration::from_secs(300)));
    assert_eq!(credential.scope(), None);
}

#[tokio::test]
async fn lifetimes_are_read_leniently() {
    for (text, expected) in [
        ("300", Some(300)),
        ("\"300\"", Some(300)),
        ("299.5", Some(299)),
        ("\"86400.92\"", Some(86400)),
        ("3600.0", Some(3600)),
        ("0", Some(0)),
        ("-1", Some(0)),
        ("null", None),
        ("true", None),
        ("{}", None),
        ("[300]", None),
        ("\"zzz\"", None),
        ("\"\"", None),
        ("18446744073709551615", Some(u64::MAX)),
        ("1e300", Some(u64::MAX)),
    ] {
        let credential = outcome(client(), Step::ok(expires_in(text))).await.unwrap();
        assert_eq!(
            lifetime(&credential),
            expected.map(Duration::from_secs),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_default_lifetime_stands_in() {
    let builder = || client().default_lifetime(Duration::from_secs(55));
    for (text, expected) in [("null", 55), ("\"zzz\"", 55), ("300", 300), ("0", 0)] {
        let credential = outcome(builder(), Step::ok(expires_in(text)))
            .await
            .unwrap();
        assert_eq!(
            lifetime(&credential),
            Some(Duration::from_secs(expected)),
            "{text}"
        );
    }
    let fixed = builder().expiry([]);
    let credential = outcome(fixed, Step::ok(expires_in("300"))).await.unwrap();
    assert_eq!(lifetime(&credential), Some(Duration::from_secs(55)));
}

#[tokio::test]
async fn a_jwt_tells_its_own_end_by_the_servers_clock() {
    // A server whose clock is decades off: only the distance counts.
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let now = 784_111_777;
    for (exp, stated, expected) in [
        (now + 600, "", 600),
        (now + 600, r#","expires_in":300"#, 300),
        (now + 100, r#","expires_in":300"#, 100),
        // Over on arrival by every clock: then it is the clocks that are wrong.
        (now - 5, r#","expires_in":300"#, 300),
        (now - 5, "", 0),
        (now + 600, r#","expires_in":"zzz""#, 600),
    ] {
        let body = format!(
            r#"{{"access_token":"{}","token_type":"bearer"{stated}}}"#,
            jwt(exp)
        );
        let step = Step::ok(body).with("date", date);
        let credential = outcome(client().jwt_expiry(), step).await.unwrap();
        assert_eq!(
            lifetime(&credential),
            Some(Duration::from_secs(expected)),
            "{exp} {stated}"
        );
    }
}

#[tokio::test]
async fn without_a_date_the_wall_clock_serves() {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let body = format!(
        r#"{{"access_token":"{}","token_type":"Bearer"}}"#,
        jwt(now + 600)
    );
    for step in [
        Step::ok(body.clone()),
        Step::ok(body).with("date", "yesterday"),
    ] {
        let credential = outcome(client().jwt_expiry(), step).await.unwrap();
        let found = lifetime(&credential).unwrap();
        assert!(found > Duration::from_secs(590) && found <= Duration::from_secs(600));
    }
}

#[tokio::test]
async fn a_jwt_is_looked_into_only_when_asked() {
    let body = format!(r#"{{"access_token":"{}","token_type":"Bearer"}}"#, jwt(1));
    let credential = outcome(client(), Step::ok(body.clone())).await.unwrap();
    assert_eq!(lifetime(&credential), None);
    let only = client().expiry([Expiry::Jwt]);
    let credential = outcome(only, Step::ok(body)).await.unwrap();
    assert_eq!(lifetime(&credential), Some(Duration::ZERO));
    let opaque = client().jwt_expiry();
    let credential = outcome(opaque, Step::ok(TOKEN)).await.unwrap();
    assert_eq!(lifetime(&credential), Some(Duration::from_secs(300)));
}

#[tokio::test]
async fn only_bearer_tokens_are_used() {
    let mac =
        "https://auth.example.com issued a token of type \"mac\"; only Bearer is supported here";
    let none = "https://auth.example.com issued a token without a type; \
                if it is known to be Bearer, set token_type_optional";
    let odd = "https://auth.example.com issued a token whose type is not text; only Bearer is supported here";
    for (kind, strict, assumed) in [
        (r#","token_type":"Bearer""#, None, None),
        (r#","token_type":"bEARER""#, None, None),
        (r#","token_type":"mac""#, Some(mac), Some(mac)),
        ("", Some(none), None),
        (r#","token_type":null"#, Some(none), None),
        (r#","token_type":"""#, Some(none), None),
        (r#","token_type":7"#, Some(odd), Some(odd)),
    ] {
        let body = format!(r#"{{"access_token":"t"{kind}}}"#);
        for (builder, expected) in [
            (client(), strict),
            (client().token_type_optional(), assumed),
        ] {
            let found = outcome(builder, Step::ok(body.clone())).await;
            assert_eq!(
                found.err().map(|error| error.to_string()).as_deref(),
                expected,
                "{kind}"
            );
        }
    }
    for kind in ["BearerToken", "example", "DPoP"] {
        let body = format!(r#"{{"access_token":"t","token_type":"{kind}"}}"#);
        let error = outcome(client(), Step::ok(body)).await.unwrap_err();
        assert!(error.is_permanent() && error.to_string().contains(kind));
    }
    let hostile = format!(
        r#"{{"access_token":"t","token_type":"\u001b[31m{}"}}"#,
        "x".repeat(9999)
    );
    let error = outcome(client(), Step::ok(hostile))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.len() < 400 && !error.contains('\u{1b}'));
}

#[tokio::test]
async fn the_granted_scope_is_the_answers_or_the_requested() {
    for (member, expected) in [
        ("", Some("a b")),
        (r#","scope":"a""#, Some("a")),
        (r#","scope":"""#, Some("a b")),
        (r#","scope":null"#, Some("a b")),
        (r#","scope":["x","y"]"#, Some("a b")),
        (r#","scope":"\u001b[31m""#, Some("a b")),
    ] {
        let body = format!(r#"{{"access_token":"t","token_type":"Bearer"{member}}}"#);
        let credential = outcome(client().scope("a b"), Step::ok(body))
            .await
            .unwrap();
        assert_eq!(credential.scope(), expected, "{member}");
    }
}

#[tokio::test]
async fn a_scope_of_64_kib_is_taken_and_no_longer_one() {
    for (length, is_taken) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
        let scope = "s".repeat(length);
        let body = format!(r#"{{"access_token":"t","token_type":"Bearer","scope":"{scope}"}}"#);
        let credential = outcome(client().scope("a b"), Step::ok(body)).await;
        let taken = credential.unwrap().scope() == Some(scope.as_str());
        assert_eq!(taken, is_taken, "{length}");
    }
}

#[tokio::test]
async fn any_2xx_and_any_content_type_will_do() {
    let bom = [b"\xEF\xBB\xBF", TOKEN.as_bytes()].concat();
    for step in [
        Step::status(201, TOKEN),
        Step::status(202, TOKEN),
        Step::ok(TOKEN).with("content-type", "text/plain"),
        Step::ok(TOKEN).with("content-type", "text/html"),
        Step::ok(bom),
        Step::ok(format!("\r\n {TOKEN} \n")),
    ] {
        assert!(outcome(client(), step).await.is_ok());
    }
}

#[tokio::test]
async fn long_tokens_are_taken_up_to_the_cap() {
    let body = format!(
        r#"{{"access_token":"{}","token_type":"Bearer"}}"#,
        "x".repeat(1024 * 1024 - 64)
    );
    assert!(outcome(client(), Step::ok(body)).await.is_ok());
    let error = outcome(client(), Step::ok(vec![b'x'; 2 * 1024 * 1024]))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "https://auth.example.com answered with more than 1 MiB"
    );
}

#[tokio::test]
async fn malformed_answers_are_transient_and_never_quoted() {
    let twice = r#"{"access_token":"s3cr3t","token_type":"Bearer","access_token":"s3cr3t"}"#;
    let deep = format!(r#"{{"scope":{}}}"#, "[".repeat(100_000));
    let at = "https://auth.example.com answered 200";
    for (body, expected) in [
        ("", "with an empty body"),
        (" \n", "with an empty body"),
        ("[]", "with something that is not a JSON object"),
        (
            r#"["s3cr3t","Bearer",300]"#,
            "with something that is not a JSON object",
        ),
        (r#""s3cr3t""#, "with something that is not a JSON object"),
        ("null", "with something that is not a JSON object"),
        ("s3cr3t", "with something that is not a JSON object"),
        ("{}", "without an access token"),
        (
            r#"{"access_token":null,"token_type":"Bearer"}"#,
            "without an access token",
        ),
        (
            r#"{"access_token":"","token_type":"Bearer"}"#,
            "without an access token",
        ),
        (
            r#"{"access_token":7,"token_type":"Bearer"}"#,
            "without an access token",
        ),
        (twice, "with two members \"access_token\""),
        (
            r#"{"access_token":"s3cr3t""#,
            "with JSON that can't be read (line 1, column 24)",
        ),
        (
            r#"{"access_token":"s3cr3t"} x"#,
            "with JSON that can't be read (line 1, column 27)",
        ),
        (&deep, "with JSON that can't be read (line 1, column 136)"),
        (
            &expires_in("1e400"),
            "with JSON that can't be read (line 1, column 60)",
        ),
    ] {
        let error = outcome(client(), Step::ok(body.to_owned()))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), format!("{at} {expected}"));
        assert!(error.is_transient());
        assert!(!format!("{error:?}").contains("s3cr3t"));
    }
    let error = outcome(client(), Step::status(204, "")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "https://auth.example.com answered 204 with an empty body"
    );
}

#[tokio::test]
async fn html_instead_of_json_points_at_the_url() {
    let page = "<!doctype html><title>s3cr3t</title>";
    let builder = ClientCredentials::at("https://auth.example.com/auth/realms/x/token?q=hidden")
        .basic("a", "b");
    let error = outcome(builder, Step::ok(page)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "https://auth.example.com/auth/realms/x/token answered 200 with an HTML page: check the token URL and the realm"
    );
    assert!(error.is_transient());
    let error = outcome(client(), Step::ok("<?xml version='1.0'?>"))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("answered 200 with an XML document: check the token URL")
    );
}

#[tokio::test]
async fn tokens_that_no_header_can_carry_are_refused_without_an_echo() {
    for token in [r"a\r\nX: y", "a b", "t\u{e9}", "=", r"a\u0000"] {
        let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer"}}"#);
        let error = outcome(client(), Step::ok(body)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "https://auth.example.com issued an access token that no header can carry"
        );
        assert!(error.is_transient());
        assert!(!common::chain(&error).contains("X: y"));
    }
}

#[tokio::test]
async fn tokens_go_where_the_builder_says() {
    let builder = client()
        .attach("X-Token", "Token token={token}")
        .api_header("User-Agent", "acme");
    let credential = outcome(builder, Step::ok(TOKEN)).await.unwrap();
    assert_eq!(credential.header_name(), "x-token");
    assert_eq!(credential.header_value(), "Token token=t0ken");
    assert!(credential.header_value().is_sensitive());

    let mut headers = http::HeaderMap::new();
    credential
        .attach(
            &http::Method::GET,
            &http::Uri::from_static("/"),
            &mut headers,
        )
        .unwrap();
    assert_eq!(headers["user-agent"], "acme");
}
