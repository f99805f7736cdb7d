//! What tells one token endpoint's credential from another's.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashMap;

use hallpass_core::{Identified as _, Identity};
use hallpass_oauth2::{ClientCredentials, Dpop, Secret, TokenExchange, TokenRequest, TokenSource};
use hallpass_testkit::ScriptedTransport;

fn transport() -> ScriptedTransport {
    ScriptedTransport::tokens(std::time::Duration::from_secs(300))
}

const URL: &str = "https://as.example/token";

fn source(change: impl FnOnce(TokenRequest) -> TokenRequest) -> TokenSource {
    let base = ClientCredentials::at(URL).basic("client", "secret");
    change(base).build(transport()).unwrap()
}

async fn identity(source: &TokenSource) -> Identity {
    source.identity().await.unwrap()
}

#[tokio::test]
async fn everything_that_is_sent_counts() {
    let all = [
        ("plain", source(|it| it)),
        ("id", source(|it| it.basic("other", "secret"))),
        ("auth", source(|it| it.post("client", "secret"))),
        ("scope", source(|it| it.scope("a"))),
        ("scopes", source(|it| it.scope("a b"))),
        ("param", source(|it| it.param("audience", "a"))),
        (
            "params",
            source(|it| it.param("audience", "a").param("tenant", "t")),
        ),
        (
            "url",
            ClientCredentials::at("https://as.example/other")
                .basic("client", "secret")
                .build(transport())
                .unwrap(),
        ),
    ];
    let mut seen = HashMap::new();
    for (what, source) in &all {
        let bytes = identity(source).await.as_bytes().to_vec();
        if let Some(other) = seen.insert(bytes, what) {
            panic!("{what} and {other} are told apart by nothing");
        }
    }
}

#[tokio::test]
async fn a_subject_counts_and_a_client_s_secret_does_not() {
    let plain = identity(&source(|it| it)).await;
    let rotated = source(|it| it.basic("client", Secret::from("another")));
    assert_eq!(identity(&rotated).await, plain);
    assert!(!String::from_utf8_lossy(plain.as_bytes()).contains("secret"));

    let exchange = |subject: &str| {
        TokenExchange::at(URL)
            .basic("client", "secret")
            .subject_token(
                Secret::from(subject.to_owned()),
                "urn:ietf:params:oauth:token-type:jwt",
            )
            .build(transport())
            .unwrap()
    };
    let (alice, bob) = (exchange("alice"), exchange("bob"));
    assert_ne!(identity(&alice).await, identity(&bob).await);
    assert_eq!(identity(&alice).await, identity(&exchange("alice")).await);
}

#[tokio::test]
async fn it_is_the_same_every_time_though_assertions_are_not() {
    let key = hallpass_oauth2::Key::hmac(b"0123456789abcdef0123456789abcdef");
    let jwt = hallpass_oauth2::Jwt::signed_by(key).issuer("me");
    let bearer = |subject: &str| {
        hallpass_oauth2::JwtBearer::at(URL)
            .jwt(jwt.clone().subject(subject))
            .build(transport())
            .unwrap()
    };
    let one = bearer("one");
    assert_eq!(identity(&one).await, identity(&one).await);
    assert_ne!(identity(&one).await, identity(&bearer("two")).await);
}

#[tokio::test]
async fn a_key_counts_and_its_proofs_do_not() {
    let bound = |dpop: &Dpop| source(|it| it.dpop(dpop.clone()));
    let (one, other) = (Dpop::new(), Dpop::new());
    let first = identity(&bound(&one)).await;
    assert_eq!(identity(&bound(&one)).await, first);
    assert_ne!(identity(&bound(&other)).await, first);
    assert_ne!(identity(&source(|it| it)).await, first);
}

#[tokio::test]
async fn a_rotating_refresh_token_has_to_be_named() {
    let source = hallpass_oauth2::RefreshToken::at(URL)
        .basic("client", "secret")
        .refresh_token(Secret::from("r1"))
        .build(transport())
        .unwrap();
    let error = source.identity().await.unwrap_err();
    assert!(
        error.is_permanent() && error.to_string().contains("Shared::named"),
        "{error}"
    );
}
