//! Assertions that a client authenticates with: their header, their claims, who signed them.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use hallpass_oauth2::{
    Algorithm, ClientCredentials, Key, Profile, QUICK_RETRIES, RefreshToken, Secret, TokenRequest,
    transport::Phase,
};
use serde_json::json;

use crate::common::{
    self, Script, Step, TOKEN, URL, build_error, fetch,
    jws::{self, Jws, param},
    sent,
};

const ISSUER: &str = "https://auth.example.com";

fn with(key: Key) -> TokenRequest {
    ClientCredentials::at(URL)
        .private_key_jwt("my-client", key)
        .issuer(ISSUER)
}

async fn assertion(builder: TokenRequest) -> Jws {
    let seen = sent(builder).await;
    Jws::of(&seen.body, "client_assertion")
}

/// How many seconds ago it was issued, and how many it has left.
#[allow(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]
fn ages(jws: &Jws) -> (i64, i64) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap().as_secs().cast_signed();
    let claim = |name: &str| jws.claims[name].as_i64().unwrap();
    (now - claim("iat"), claim("exp") - now)
}

#[tokio::test]
async fn every_kind_of_key_signs() {
    let p256_jwk = Key::from_jwk(jws::P256_JWK).unwrap();
    for (key, alg, kid) in [
        (Key::from_pem(jws::RSA).unwrap(), "RS256", None),
        (Key::from_pem(jws::RSA_PKCS1).unwrap(), "RS256", None),
        (
            Key::from_pem(jws::RSA).unwrap().algorithm(Algorithm::Ps256),
            "PS256",
            None,
        ),
        (
            Key::from_pem(jws::RSA).unwrap().algorithm(Algorithm::Rs384),
            "RS384",
            None,
        ),
        (
            Key::read(jws::RSA).algorithm(Algorithm::Rs512),
            "RS512",
            None,
        ),
        (
            Key::from_pem(jws::RSA).unwrap().algorithm(Algorithm::Ps384),
            "PS384",
            None,
        ),
        (
            Key::from_pem(jws::RSA).unwrap().algorithm(Algorithm::Ps512),
            "PS512",
            None,
        ),
        (Key::from_pem(jws::P384).unwrap(), "ES384", None),
        (Key::from_pem(jws::P384_SEC1).unwrap(), "ES384", None),
        (
            Key::from_jwk(jws::P384_JWK).unwrap(),
            "ES384",
            Some("ec-384"),
        ),
        (Key::from_jwk(jws::RSA_JWK).unwrap(), "PS256", Some("rsa-1")),
        (
            Key::from_pem(jws::P256).unwrap().kid("16"),
            "ES256",
            Some("16"),
        ),
        (Key::from_pem(jws::P256_SEC1).unwrap(), "ES256", None),
        (p256_jwk.clone(), "ES256", Some("ec-1")),
        (p256_jwk.kid("other"), "ES256", Some("other")),
        (Key::from_pem(jws::ED25519_PEM).unwrap(), "EdDSA", None),
        (Key::read(jws::RSA), "RS256", None),
        (Key::read(jws::P256_JWK), "ES256", Some("ec-1")),
        (
            Key::read(Secret::file("tests/keys/ed25519.pem")).kid("e"),
            "EdDSA",
            Some("e"),
        ),
    ] {
        let shown = format!("{key:?}");
        let jws = assertion(with(key)).await;
        assert_eq!(jws.header["alg"], alg, "{shown}");
        assert_eq!(jws.header["kid"].as_str(), kid, "{shown}");
        assert!(jws.verifies(), "{shown}");
    }
}

#[tokio::test]
async fn it_says_who_for_whom_and_for_how_long() {
    let seen = sent(with(Key::from_pem(jws::P256).unwrap())).await;
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(param(&seen.body, "client_id"), None);
    assert_eq!(param(&seen.body, "client_secret"), None);
    assert_eq!(
        param(&seen.body, "client_assertion_type").as_deref(),
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    );
    let jws = Jws::of(&seen.body, "client_assertion");
    assert_eq!(jws.header["typ"], "client-authentication+jwt");
    assert_eq!(jws.claim("iss"), "my-client");
    assert_eq!(jws.claim("sub"), "my-client");
    assert_eq!(jws.claim("aud"), ISSUER);
    assert_eq!(jws.claim("jti").len(), 22);
    let (age, left) = ages(&jws);
    assert!((60..70).contains(&age), "{age}");
    assert!((50..=60).contains(&left), "{left}");
    let claims: BTreeSet<_> = jws.claims.as_object().unwrap().keys().collect();
    let expected = ["aud", "exp", "iat", "iss", "jti", "sub"];
    assert!(claims.into_iter().eq(&expected));
}

#[tokio::test]
async fn what_differs_can_be_set() {
    let key = Key::from_pem(jws::P256).unwrap();
    let jws = assertion(
        with(key.clone())
            .assertion_for_token_url()
            .assertion_typ("JWT")
            .assertion_backdated(Duration::from_secs(3))
            .assertion_lifetime(Duration::from_secs(300)),
    )
    .await;
    assert_eq!(jws.claim("aud"), URL);
    assert_eq!(jws.header["typ"], "JWT");
    assert_eq!(jws.lifetime(), 303);
    let (age, left) = ages(&jws);
    assert!((3..13).contains(&age) && (290..=300).contains(&left));

    let seen = sent(with(key).send_client_id()).await;
    assert_eq!(param(&seen.body, "client_id").as_deref(), Some("my-client"));
}

#[tokio::test]
async fn a_secret_can_sign_and_names_no_key() {
    let builder = ClientCredentials::at(URL)
        .client_secret_jwt("my-client", "s3cret")
        .issuer(ISSUER);
    let seen = sent(builder).await;
    assert!(!seen.body.contains("s3cret") && seen.header("authorization").is_none());
    let jws = Jws::of(&seen.body, "client_assertion");
    assert_eq!(jws.header["kid"].as_str(), None);
    assert!(jws.verifies_with(b"s3cret") && !jws.verifies_with(b"other"));
}

#[tokio::test(start_paused = true)]
async fn every_try_has_an_assertion_of_its_own() {
    let script = Script::of([
        Step::Fail(Phase::Exchange),
        Step::status(503, ""),
        Step::ok(TOKEN),
    ]);
    let source = with(Key::from_pem(jws::P256).unwrap());
    fetch(&source.build(script.clone()).unwrap()).await.unwrap();
    let seen = script.seen();
    assert_eq!(seen.len(), QUICK_RETRIES.len() + 1);
    let unique: BTreeSet<_> = seen
        .iter()
        .map(|seen| {
            let jws = Jws::of(&seen.body, "client_assertion");
            jws.claim("jti").to_owned()
        })
        .collect();
    assert_eq!(unique.len(), seen.len());
}

#[tokio::test]
async fn a_certificate_leaves_only_the_id() {
    let seen = sent(ClientCredentials::at(URL).mtls("my-client")).await;
    assert_eq!(
        seen.body,
        "grant_type=client_credentials&client_id=my-client"
    );
    assert_eq!(seen.header("authorization"), None);
}

#[test]
fn mistakes_are_found_before_anything_is_sent() {
    let key = || Key::from_pem(jws::P256).unwrap();
    let without_issuer = ClientCredentials::at(URL).private_key_jwt("id", key());
    assert_eq!(
        build_error(without_issuer),
        "the client's assertion needs to say for whom it is: call issuer with the server's issuer identifier, or assertion_for_token_url"
    );
    assert_eq!(
        build_error(with(key()).in_query()),
        "the parameter \"client_assertion\" would stand in the token URL, where logs keep it: send it in the body"
    );
    assert_eq!(
        build_error(with(key()).param("client_assertion", "x")),
        "the parameter \"client_assertion\" is set twice"
    );
}

#[tokio::test]
async fn keys_that_cant_be_used_say_why() {
    let damaged = jws::P256.replace("MIG", "!!!");
    for (text, expected) in [
        ("", "no private key in the PEM text"),
        (jws::P256_CERTIFICATE, "no private key in the PEM text"),
        (&damaged, "the private key's PEM text is damaged"),
        (
            r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
            "the JWK has no \"d\": is it only the public half?",
        ),
        (
            r#"{"kty":"EC","crv":"P-521"}"#,
            "the JWK is neither RSA nor EC P-256 or P-384 nor OKP Ed25519 nor oct",
        ),
        (
            r#"{"kty":"oct","k":"s3cr3t!"}"#,
            "the JWK's \"k\" is not base64url",
        ),
        (
            r#"{"kty":"oct","k":"AA","alg":"HS512"}"#,
            "the JWK's alg \"HS512\" is none of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, HS256",
        ),
        (
            r#"{"kty":"oct","k":"AA","alg":"RS256"}"#,
            "the private key can't sign with RS256",
        ),
        (
            r#"{"d":"s3cr3t","#,
            "the private key's JWK is not a JSON object of text",
        ),
    ] {
        let source = with(Key::read(text)).build(Script::default()).unwrap();
        let error = fetch(&source).await.unwrap_err();
        assert!(error.is_permanent());
        assert_eq!(common::chain(&error), expected);
    }
    let key = Key::from_pem(jws::P256)
        .unwrap()
        .algorithm(Algorithm::Ps256);
    let source = with(key).build(Script::default()).unwrap();
    assert_eq!(
        fetch(&source).await.unwrap_err().to_string(),
        "the private key can't sign with PS256"
    );
    let missing = Key::read(Secret::file("tests/keys/none.pem"));
    let source = with(missing).build(Script::default()).unwrap();
    assert_eq!(
        fetch(&source).await.unwrap_err().to_string(),
        "tests/keys/none.pem can't be read (needed for the private key of \"auth.example.com\")"
    );
}

#[tokio::test]
async fn a_refusal_says_what_to_check() {
    let key = || Key::from_pem(jws::P256).unwrap();
    let invalid = |code: &str| Step::status(401, format!(r#"{{"error":"{code}"}}"#));
    for (builder, code, expected) in [
        (
            with(key()),
            "invalid_client",
            "check id, key, issuer and the clock",
        ),
        (
            ClientCredentials::at(URL).mtls("my-client"),
            "invalid_client",
            "check id and certificate",
        ),
        (common::client(), "invalid_client", "check id and secret"),
    ] {
        let error = common::outcome(builder, invalid(code)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("https://auth.example.com refused client \"my-client\" ({code}): {expected}")
        );
    }
    let refresh = RefreshToken::at(URL).refresh_token("r").public("my-client");
    let source = refresh
        .build(Script::of([invalid("invalid_grant")]))
        .unwrap();
    assert_eq!(
        fetch(&source).await.unwrap_err().to_string(),
        "https://auth.example.com refused client \"my-client\" (invalid_grant): the grant's token or assertion is wrong, spent or revoked; check the clock too"
    );
}

#[tokio::test]
async fn the_standards_example_comes_out_of_its_inputs() {
    let key = Key::from_pem(jws::P256).unwrap().kid("16");
    let builder = ClientCredentials::at(URL)
        .private_key_jwt("https://client.example", key)
        .issuer("https://authz.example.net")
        .assertion_lifetime(Duration::from_secs(3600));
    let jws = assertion(builder).await;
    let header = json!({"typ": "client-authentication+jwt", "alg": "ES256", "kid": "16"});
    assert_eq!(jws.header, header);
    let issued = jws.claims["iat"].as_u64().unwrap();
    assert_eq!(
        jws.claims,
        json!({
            "aud": "https://authz.example.net",
            "iss": "https://client.example",
            "sub": "https://client.example",
            "iat": issued,
            "exp": issued + 60 + 3600,
            "jti": jws.claim("jti"),
        })
    );
}

#[tokio::test]
async fn a_profile_reads_the_key_where_it_reads_a_secret() {
    let profile = |auth: &str| {
        let text = format!("token_url = \"{URL}\"\nclient_auth = \"{auth}\"");
        Profile::from_toml(&text).unwrap()
    };
    let builder = profile("private-key-jwt").client("id", Secret::file("tests/keys/p256.jwk"));
    let jws = assertion(builder.issuer(ISSUER)).await;
    assert!(jws.verifies());
    assert_eq!(jws.header["kid"], "ec-1");

    let builder = profile("client-secret-jwt").client("id", "s3cret");
    assert!(
        assertion(builder.issuer(ISSUER))
            .await
            .verifies_with(b"s3cret")
    );

    let seen = sent(profile("tls").client("id", "unused")).await;
    assert_eq!(seen.body, "grant_type=client_credentials&client_id=id");
}

#[tokio::test]
async fn a_profile_names_the_key_and_how_it_signs() {
    let text = format!(
        "token_url = \"{URL}\"\nclient_auth = \"private-key-jwt\"\nassertion_typ = \"JWT\"\nassertion_kid = \"{{key}}-1\"\nassertion_alg = \"RS384\"\nvariables = {{ key = \"the key\" }}"
    );
    let profile = Profile::from_toml(&text).unwrap().var("key", "2026");
    let builder = profile.client("id", jws::RSA).issuer(ISSUER);
    let jws = assertion(builder).await;
    assert!(jws.verifies());
    assert_eq!(
        jws.header,
        json!({"typ": "JWT", "alg": "RS384", "kid": "2026-1"})
    );

    // What the key was told itself wins.
    let key = Key::from_pem(jws::RSA).unwrap().kid("own");
    let builder = profile
        .client("id", "")
        .private_key_jwt("id", key.algorithm(Algorithm::Ps256))
        .issuer(ISSUER)
        .assertion_typ("other");
    let jws = assertion(builder).await;
    assert_eq!(
        jws.header,
        json!({"typ": "other", "alg": "PS256", "kid": "own"})
    );
}
