//! What messages tell their reader to do, where a refusal leaves it open.

use hallpass_oauth2::{ClientCredentials, Dpop, TokenRequest};

use crate::common::{Script, Step, URL, fetch, outcome};

const REALM: &str = "https://auth.example.com/realms/x/protocol/openid-connect/token";

async fn told(request: TokenRequest, status: u16, body: &'static str) -> String {
    let error = outcome(request, Step::status(status, body))
        .await
        .unwrap_err();
    error.to_string()
}

#[tokio::test]
async fn a_realm_is_one_more_thing_to_check() {
    for (status, body, with, without) in [
        (
            401,
            r#"{"error":"invalid_client"}"#,
            "check id, secret and realm",
            "check id and secret",
        ),
        (
            401,
            "{}",
            "check id, secret and realm",
            "check id and secret",
        ),
        (
            403,
            "{}",
            "check id, secret, realm and scope",
            "check id, secret and scope",
        ),
    ] {
        for (url, expected) in [(REALM, with), (URL, without)] {
            let message = told(ClientCredentials::at(url).basic("id", "s"), status, body).await;
            assert!(message.ends_with(expected), "{status} {url}: {message}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nonces_without_end_are_told_apart_from_none_at_all() {
    let wants =
        |nonce: &str| Step::status(400, r#"{"error":"use_dpop_nonce"}"#).with("dpop-nonce", nonce);
    let bound = ClientCredentials::at(URL)
        .basic("id", "s")
        .dpop(Dpop::new());
    let source = bound.build(Script::of((0..20).map(|n| wants(&format!("n{n}")))));
    let error = fetch(&source.unwrap()).await.unwrap_err();
    let expected = "wants another nonce in the proof of possession, and sends none, or again another one (use_dpop_nonce)";
    assert!(
        error.is_transient() && error.to_string().ends_with(expected),
        "{error}"
    );

    let plain = ClientCredentials::at(URL).basic("id", "s");
    let source = plain.build(Script::of((0..20).map(|n| wants(&format!("n{n}")))));
    let error = fetch(&source.unwrap()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("wants a proof of possession with each request: call dpop"),
        "{error}"
    );
}
