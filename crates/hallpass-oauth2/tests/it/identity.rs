//! What tells one token endpoint's credential from another's.

use std::collections::HashMap;

use hallpass_core::{Identified as _, Identity};
use hallpass_oauth2::{
    ClientCredentials, Dpop, Profile, Secret, TokenExchange, TokenRequest, TokenSource,
};
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

fn profile(lines: &str) -> Profile {
    let least = "token_url = \"https://as.example/token\"\n";
    Profile::from_toml(&format!("{least}{lines}")).unwrap()
}

fn source_of(lines: &str) -> TokenSource {
    let request = profile(lines).client("client", "secret");
    request.build(transport()).unwrap()
}

/// What a credential is made of beside what was sent for it: two of these lines with the same token
/// request make requests that differ.
const USES: [&str; 11] = [
    "",
    "token = 'id_token'",
    "token = ['id_token', 'access_token']",
    "token = 'header:x-token'",
    "answer = 'text'",
    "header = 'x-api-key'",
    "header_value = 'Token {token}'",
    "api_headers = { x-account = 'a' }",
    "api_headers = { x-account = 'b' }",
    "capture = { api = 'api_url' }",
    "capture = { api = 'other_url' }",
];

#[tokio::test]
async fn what_is_made_of_the_answer_counts() {
    let mut seen = HashMap::new();
    for lines in USES {
        let identity = identity(&source_of(lines)).await.as_bytes().to_vec();
        let of_profile = profile(lines).identity().await.unwrap().as_bytes().to_vec();
        for bytes in [identity, of_profile] {
            if let Some(other) = seen.insert(bytes, lines) {
                panic!("{lines} and {other} are told apart by nothing");
            }
        }
    }
    // A variable that the token request does not have, and the API's does.
    let of = |tenant: hallpass_oauth2::Value| {
        let request = profile("api_headers = { x-tenant = '{tenant}' }")
            .client("client", "secret")
            .var("tenant", tenant);
        request.build(transport()).unwrap()
    };
    let plain = async |tenant: &str| identity(&of(tenant.into())).await;
    assert_ne!(plain("alice").await, plain("bob").await);
    assert_eq!(plain("alice").await, plain("alice").await);
    let secret = async |tenant: &str| {
        let secret = Secret::from(tenant.to_owned());
        identity(&of(secret.into())).await
    };
    assert_ne!(secret("alice").await, secret("bob").await);
}

#[tokio::test]
async fn a_secret_variable_of_a_profile_counts() {
    let of = async |user: &str| {
        let user = Secret::from(user.to_owned());
        let profile = profile("params = { subject = '{user}' }").var("user", user);
        profile.identity().await.unwrap()
    };
    assert_ne!(of("alice").await, of("bob").await);
    assert_eq!(of("alice").await, of("alice").await);
}

#[tokio::test]
async fn everything_that_a_profile_sends_counts_and_what_it_is_called_does_not() {
    let alike = [
        "",
        "name = 'other'",
        "documentation = 'https://vendor.example'",
        "origins = ['https://api.example']",
        "renew_before = 10",
        "busy = { status = 429 }",
    ];
    let plain = profile("").identity().await.unwrap();
    for lines in alike {
        let other = profile(lines).identity().await.unwrap();
        assert_eq!(other, plain, "{lines}");
    }
    let mut seen = HashMap::new();
    for lines in [
        "",
        "method = 'GET'",
        "encoding = 'json'",
        "client_auth = 'post'",
        "issuer = 'https://as.example'",
        "grant = 'password'",
        "grant = 'jwt_bearer'\nclaims = { sub = 'alice' }",
        "grant = 'jwt_bearer'\nclaims = { sub = 'bob' }",
        "params = { subject = 'alice' }",
        "params = { subject = 'bob' }",
        "encoding = 'json'\nparams = { user = { name = 'alice' } }",
        "encoding = 'json'\nparams = { user = { name = 'bob' } }",
        "query = { subject = 'alice' }",
        "query = { subject = 'bob' }",
        "token_headers = { x-user = 'alice' }",
        "token_headers = { x-user = 'bob' }",
        "scope = 'a'",
        "audience = 'a'",
        "resource = ['https://a.example']",
        "send_client_id = true",
        "dpop = true",
    ] {
        let bytes = profile(lines).identity().await.unwrap().as_bytes().to_vec();
        if let Some(other) = seen.insert(bytes, lines) {
            panic!("{lines} and {other} are told apart by nothing");
        }
    }
}

#[tokio::test]
async fn what_differs_each_time_does_not_count() {
    for lines in [
        "params = { nonce = '{uuid}' }",
        "token_headers = { x-at = '{now_unix_ms}' }",
        "query = { at = '{base64({now(+5m)}{uuid})}' }",
    ] {
        let source = source_of(lines);
        let first = identity(&source).await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        assert_eq!(identity(&source).await, first, "{lines}");
        assert_ne!(identity(&source_of("")).await, first, "{lines}");
    }
    // Nor does it in the claims of a JWT.
    let lines = "grant = 'jwt_bearer'\nclient_auth = 'none'\nclaims = { iss = '{client_id}', id = '{uuid}' }";
    let request = profile(lines).client("client", include_str!("../keys/p256.pem"));
    let source = request.build(transport()).unwrap();
    assert_eq!(identity(&source).await, identity(&source).await);
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
