//! Nothing shows a key, a token or an assertion: neither `Debug` nor an error nor an event.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

#[path = "it/common/mod.rs"]
mod common;

use common::{Script, Step, URL, chain, events::Events, jws};
use hallpass_core::{CredentialSource, Fetch};
use hallpass_oauth2::{
    Chain, ClientCredentials, Discovery, Jwt, JwtBearer, Key, RefreshToken, Secret, SelfSigned,
    Token, TokenExchange, TokenFile, TokenRequest, token_type, transport::Phase,
};

async fn show(shown: &mut Vec<String>, source: &(impl CredentialSource + std::fmt::Debug)) {
    shown.push(format!("{source:?}{:?}", source.description()));
    for _ in 0..6 {
        match source.fetch(&Fetch::first()).await {
            Ok(credential) => shown.push(format!("{credential:?}")),
            Err(error) => shown.push(format!("{error:?}{}", chain(&error))),
        }
    }
}

fn answers() -> Script {
    let rotated = r#"{"access_token":"s3cr3t","token_type":"Bearer","refresh_token":"s3cr3t2",
        "issued_token_type":"x"}"#;
    Script::of([
        Step::Fail(Phase::Exchange),
        Step::ok(rotated),
        Step::status(400, r#"{"error":"invalid_grant","refresh_token":"s3cr3t"}"#),
        Step::ok(r#"{"access_token":"s3cr3t","token_type":"N_A"}"#),
        Step::ok(r#"{"access_token":"s3cr3t","token_type":"Bearer"}"#),
        Step::status(500, "s3cr3t"),
        Step::status(401, "s3cr3t"),
    ])
}

async fn show_request(shown: &mut Vec<String>, request: TokenRequest) {
    shown.push(format!("{request:?}"));
    show(shown, &request.build(answers()).unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_shown_at_any_level() {
    let events = Events::gather();
    let mut shown = Vec::new();

    let pem = Key::from_pem(jws::P256).unwrap();
    let jwk = Key::from_jwk(jws::P256_JWK).unwrap();
    let jwt = Jwt::signed_by(pem.clone()).claim("password", "s3cr3t");
    shown.push(format!("{pem:?}{jwk:?}{jwt:?}{:?}", Key::hmac("s3cr3t")));

    let at = || ClientCredentials::at(URL);
    show_request(
        &mut shown,
        at().client_secret_jwt("id", "s3cr3t").issuer("i"),
    )
    .await;
    show_request(&mut shown, at().private_key_jwt("id", pem).issuer("i")).await;
    let read = Key::read(jws::P256_JWK);
    show_request(&mut shown, at().private_key_jwt("id", read).issuer("i")).await;
    let refresh = RefreshToken::at(URL)
        .refresh_token("s3cr3t")
        .basic("id", "s3cr3t");
    show_request(&mut shown, refresh).await;
    show_request(&mut shown, JwtBearer::at(URL).jwt(jwt.clone())).await;
    show_request(&mut shown, JwtBearer::at(URL).assertion("s3cr3t")).await;
    let exchange = TokenExchange::at(URL)
        .subject_token("s3cr3t", token_type::JWT)
        .actor_token("s3cr3t", token_type::JWT);
    show_request(&mut shown, exchange).await;

    show(&mut shown, &SelfSigned::new(jwt)).await;
    show(&mut shown, &Token::new("s3cr3t")).await;
    show(&mut shown, &Token::new("s3cr3t with spaces")).await;
    show(&mut shown, &TokenFile::at("tests/keys/p256.pem")).await;
    let chained =
        Chain::of(Token::new(Secret::env("HALLPASS_TEST_NEVER_SET"))).or(Token::new("s3cr3t"));
    show(&mut shown, &chained).await;
    let discovered = Discovery::of("https://auth.example.com").source(answers(), |found| {
        ClientCredentials::at(found.token_endpoint()).basic("id", "s3cr3t")
    });
    show(&mut shown, &discovered.unwrap()).await;
    let revocation = at().basic("id", "s3cr3t").revocation(URL, answers());
    shown.push(format!("{:?}", revocation.unwrap()));

    shown.push(events.take());
    let shown = shown.concat();
    assert!(
        shown.contains("asking the next source"),
        "the capture works"
    );
    // The private half of the test key in its three shapes, and the beginning of any JWT.
    let key = jws::P256.lines().nth(1).unwrap();
    for secret in ["s3cr3t", "7Vhk-t24", &key[..16], "eyJhbG", "aWQ6"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}
