//! Finding endpoints through metadata, and not trusting it further than needed.

use hallpass_core::{Credential, CredentialSource as _, Error, Fetch};
use hallpass_oauth2::{
    ClientCredentials, Discovered, Discovery, Key, METADATA_LIFETIME, MOVED_AFTER, Metadata,
    RefreshToken, transport::Phase,
};

use crate::common::{
    self, Script, Step, TOKEN,
    jws::{self, Jws, param},
};

const ISSUER: &str = "https://as.example";

fn metadata(issuer: &str, endpoint: &str) -> String {
    format!(
        r#"{{"issuer":"{issuer}","token_endpoint":"{endpoint}","jwks_uri":"https://x.example/k"}}"#
    )
}

fn plain() -> Step {
    Step::ok(metadata(ISSUER, "https://as.example/token"))
}

async fn found(discovery: Discovery, answer: Step) -> Result<Metadata, Error> {
    discovery.metadata(&Script::of([answer])).await
}

fn source(script: &Script) -> Discovered {
    Discovery::of(ISSUER)
        .source(script.clone(), |found| {
            ClientCredentials::at(found.token_endpoint()).basic("id", "s3cret")
        })
        .unwrap()
}

#[tokio::test]
async fn the_address_is_built_as_each_standard_says() {
    for (discovery, expected) in [
        (
            Discovery::of("https://as.example"),
            "https://as.example/.well-known/oauth-authorization-server",
        ),
        (
            Discovery::of("https://as.example/"),
            "https://as.example/.well-known/oauth-authorization-server",
        ),
        (
            Discovery::of("https://as.example/t1/"),
            "https://as.example/.well-known/oauth-authorization-server/t1",
        ),
        (
            Discovery::of("http://localhost:8080/realms/a"),
            "http://localhost:8080/.well-known/oauth-authorization-server/realms/a",
        ),
        (
            Discovery::openid("https://as.example/t1/"),
            "https://as.example/t1/.well-known/openid-configuration",
        ),
        (
            Discovery::openid("https://as.example"),
            "https://as.example/.well-known/openid-configuration",
        ),
    ] {
        let script = Script::of([Step::status(404, "")]);
        assert!(
            discovery
                .metadata(&script)
                .await
                .unwrap_err()
                .is_permanent()
        );
        let seen = script.only();
        assert_eq!((seen.method.as_str(), seen.uri.as_str()), ("GET", expected));
        assert!(seen.header("authorization").is_none() && seen.body.is_empty());
    }
}

#[tokio::test]
async fn the_issuer_must_be_the_very_same() {
    let good = found(Discovery::of(ISSUER), plain()).await.unwrap();
    assert_eq!(good.issuer(), ISSUER);
    assert_eq!(good.token_endpoint(), "https://as.example/token");
    assert_eq!(good.mtls_token_endpoint(), "https://as.example/token");
    assert!(good.supports("client_secret_basic") && !good.supports("private_key_jwt"));

    for issuer in [
        "https://as.example/",
        "https://AS.example",
        "https://other.example",
    ] {
        let answer = Step::ok(metadata(issuer, "https://as.example/token"));
        let error = found(Discovery::of(ISSUER), answer).await.unwrap_err();
        assert!(error.is_permanent());
        assert_eq!(
            error.to_string(),
            format!(
                "https://as.example/.well-known/oauth-authorization-server is the metadata of the issuer \"{issuer}\", not of \"https://as.example\""
            )
        );
    }
}

#[tokio::test]
async fn endpoints_elsewhere_need_leave() {
    let elsewhere = "https://tokens.example/token";
    let error = found(Discovery::of(ISSUER), Step::ok(metadata(ISSUER, elsewhere)))
        .await
        .unwrap_err();
    assert!(error.is_permanent());
    assert!(error.to_string().ends_with(
        "names an endpoint on https://tokens.example; if that is right, add it with allow_origins"
    ));
    let allowed = Discovery::of(ISSUER).allow_origins(["https://tokens.example"]);
    let good = found(allowed, Step::ok(metadata(ISSUER, elsewhere))).await;
    assert_eq!(good.unwrap().token_endpoint(), elsewhere);

    for endpoint in [
        "http://as.example/token",
        "https://as.example:8443/token",
        "https://as.example@evil.example/token",
        "/token",
        "",
    ] {
        let answer = Step::ok(metadata(ISSUER, endpoint));
        let error = found(Discovery::of(ISSUER), answer).await.unwrap_err();
        assert!(error.is_permanent(), "{endpoint}");
    }
    let alias = r#"{"issuer":"https://as.example","token_endpoint":"https://as.example/t",
        "mtls_endpoint_aliases":{"token_endpoint":"https://evil.example/t"}}"#;
    assert!(found(Discovery::of(ISSUER), Step::ok(alias)).await.is_err());
    let alias = r#"{"issuer":"https://as.example","token_endpoint":"https://as.example/t",
        "token_endpoint_auth_methods_supported":["tls_client_auth"],
        "mtls_endpoint_aliases":{"token_endpoint":"https://as.example/mtls"}}"#;
    let good = found(Discovery::of(ISSUER), Step::ok(alias)).await.unwrap();
    assert_eq!(good.mtls_token_endpoint(), "https://as.example/mtls");
    assert!(good.supports("tls_client_auth") && !good.supports("client_secret_basic"));
}

#[tokio::test]
async fn other_answers_are_no_metadata() {
    for (answer, permanent) in [
        (
            Step::status(302, "").with("location", "https://evil.example"),
            true,
        ),
        (Step::status(404, "<html>"), true),
        (Step::status(429, ""), false),
        (Step::status(500, ""), false),
        (Step::status(204, ""), false),
        (Step::ok("<html>s3cr3t"), false),
        (Step::ok(r#"{"issuer":"https://as.example"}"#), false),
        (
            Step::ok(format!("{{\"a\":\"{}\"}}", "x".repeat(1024 * 1024))),
            false,
        ),
        (Step::Fail(Phase::Connect), false),
    ] {
        let error = found(Discovery::of(ISSUER), answer).await.unwrap_err();
        assert_eq!(error.is_permanent(), permanent, "{error}");
        assert!(!common::chain(&error).contains("s3cr3t"));
    }
    for issuer in [
        "http://as.example",
        "as.example",
        "https://as.example?x=1",
        "https://as.example#f",
        "https://u@as.example",
        "ftp://as.example",
        "",
    ] {
        let script = Script::default();
        let error = Discovery::of(issuer).metadata(&script).await.unwrap_err();
        assert!(error.is_permanent() && script.seen().is_empty(), "{issuer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_asks_once_and_again_when_it_is_old() {
    let moved = || Step::ok(metadata(ISSUER, "https://as.example/new"));
    let script = Script::of([
        plain(),
        Step::ok(TOKEN),
        Step::ok(TOKEN),
        Step::status(500, ""),
        Step::ok(TOKEN),
        moved(),
        Step::ok(TOKEN),
    ]);
    let source = source(&script);
    let fetch = || async { source.fetch(&Fetch::first()).await };
    fetch().await.unwrap();
    fetch().await.unwrap();
    tokio::time::advance(METADATA_LIFETIME).await;
    fetch().await.unwrap();
    fetch().await.unwrap();
    let uris: Vec<_> = script.seen().iter().map(|seen| seen.uri.clone()).collect();
    let well_known = "https://as.example/.well-known/oauth-authorization-server";
    let (old, new) = ("https://as.example/token", "https://as.example/new");
    assert_eq!(
        uris,
        [well_known, old, old, well_known, old, well_known, new]
    );
}

#[tokio::test]
async fn a_refusal_for_good_asks_again() {
    let script = Script::of([
        plain(),
        Step::status(401, ""),
        Step::ok(metadata(ISSUER, "https://as.example/new")),
        Step::ok(TOKEN),
    ]);
    let source = source(&script);
    assert!(
        source
            .fetch(&Fetch::first())
            .await
            .unwrap_err()
            .is_permanent()
    );
    source.fetch(&Fetch::first()).await.unwrap();
    assert_eq!(script.seen()[3].uri, "https://as.example/new");
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_ask_again() {
    for old in [
        || vec![Step::status(404, "")],
        || vec![Step::status(403, "<html>")],
        || (0..3).map(|_| Step::status(503, "")).collect(),
        || (0..3).map(|_| Step::Hang).collect(),
        || {
            (0..3)
                .map(|_| Step::Fail(Phase::Connect))
                .collect::<Vec<_>>()
        },
    ] {
        let mut steps = vec![plain()];
        steps.extend((0..MOVED_AFTER).flat_map(|_| old()));
        steps.push(Step::ok(metadata(ISSUER, "https://as.example/new")));
        steps.push(Step::ok(TOKEN));
        let script = Script::of(steps);
        let source = source(&script);
        for _ in 0..MOVED_AFTER {
            let error = source.fetch(&Fetch::first()).await.unwrap_err();
            assert!(error.is_transient());
        }
        source.fetch(&Fetch::first()).await.unwrap();
        let last = script.seen().pop().unwrap();
        assert_eq!(last.uri, "https://as.example/new");
    }
}

#[tokio::test]
async fn metadata_of_odd_makes_is_read() {
    for body in [
        r#"{"issuer":"https://as.example","token_endpoint":"https://as.example/token","mtls_endpoint_aliases":null,"revocation_endpoint":null}"#.to_owned(),
        format!("\u{feff}{}", metadata(ISSUER, "https://as.example/token")),
    ] {
        let good = found(Discovery::of(ISSUER), Step::ok(body)).await.unwrap();
        assert_eq!(good.mtls_token_endpoint(), "https://as.example/token");
    }
}

#[tokio::test]
async fn a_rotated_refresh_token_survives_a_move() {
    let rotated = r#"{"access_token":"a","token_type":"Bearer","refresh_token":"r2"}"#;
    let script = Script::of([
        plain(),
        Step::ok(rotated),
        Step::status(400, r#"{"error":"unauthorized_client"}"#),
        Step::ok(metadata(ISSUER, "https://as.example/new")),
        Step::ok(TOKEN),
    ]);
    let source = Discovery::of(ISSUER)
        .source(script.clone(), |found| {
            RefreshToken::at(found.token_endpoint())
                .refresh_token("r1")
                .public("id")
        })
        .unwrap();
    source.fetch(&Fetch::first()).await.unwrap();
    source.fetch(&Fetch::first()).await.unwrap_err();
    source.fetch(&Fetch::first()).await.unwrap();
    assert_eq!(
        param(&script.seen()[4].body, "refresh_token").as_deref(),
        Some("r2")
    );
}

#[tokio::test(start_paused = true)]
async fn two_users_of_one_discovery_have_tokens_of_their_own() {
    let discovery = Discovery::of(ISSUER);
    let script = Script::default();
    let of = |user: &'static str| {
        let build = move |found: &Metadata| {
            ClientCredentials::at(found.token_endpoint()).basic(user, "s3cret")
        };
        discovery.clone().source(script.clone(), build).unwrap()
    };
    let (alice, bob) = (of("alice"), of("bob"));
    let moved = || Step::ok(metadata(ISSUER, "https://as.example/new"));
    let refused = || Step::status(400, r#"{"error":"unauthorized_client"}"#);
    let (old, new) = ("https://as.example/token", "https://as.example/new");
    // Who asks, what is answered, where and for which token.
    for (source, user, before, endpoint, token) in [
        (&alice, "alice", vec![plain()], old, "of-alice"),
        (&bob, "bob", vec![plain()], old, "of-bob"),
        (&alice, "alice", vec![], old, "of-alice-too"),
        (&bob, "bob", vec![], old, "of-bob-too"),
        // One of them is refused, and finds that the endpoint has moved.
        (&alice, "alice", vec![refused()], old, ""),
        (&alice, "alice", vec![moved()], new, "of-alice-there"),
        (&bob, "bob", vec![], old, "of-bob-still"),
        (&alice.clone(), "alice", vec![], new, "of-alice-again"),
    ] {
        script.then(before);
        if !token.is_empty() {
            script.then([common::token(token)]);
        }
        let fetched = source.fetch(&Fetch::first()).await;
        let fetched = fetched.map(|credential| credential.token().map(str::to_owned));
        if token.is_empty() {
            assert!(fetched.is_err());
        } else {
            assert_eq!(fetched.unwrap().as_deref(), Some(token));
        }
        let asked = script.seen().pop().unwrap();
        assert_eq!(asked.uri, endpoint, "{token}");
        let basic = Credential::basic(user, "s3cret").unwrap();
        let expected = basic.header_value().to_str().unwrap();
        assert_eq!(asked.header("authorization"), Some(expected), "{token}");
    }
}

#[tokio::test]
async fn assertions_are_for_the_issuer_that_was_found() {
    let script = Script::of([plain(), Step::ok(TOKEN)]);
    let key = Key::from_pem(jws::P256).unwrap();
    let source = Discovery::of(ISSUER)
        .source(script.clone(), move |found| {
            ClientCredentials::at(found.token_endpoint()).private_key_jwt("id", key.clone())
        })
        .unwrap();
    source.fetch(&Fetch::first()).await.unwrap();
    let jws = Jws::of(&script.seen()[1].body, "client_assertion");
    assert_eq!(jws.claim("aud"), ISSUER);
}

#[test]
fn settings_are_checked_at_once() {
    let script = Script::default();
    let without_client = Discovery::of(ISSUER).source(script.clone(), |found| {
        ClientCredentials::at(found.token_endpoint())
    });
    assert!(without_client.unwrap_err().is_permanent());
    let plain = Discovery::of("http://as.example").source(script, |found| {
        ClientCredentials::at(found.token_endpoint()).basic("id", "s")
    });
    assert!(plain.unwrap_err().is_permanent());
}
