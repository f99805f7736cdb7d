//! Grants, ways to authenticate and a vendor's oddities go together freely, in code and in TOML.

use hallpass_oauth2::{Jwt, Key, Profile, TokenRequest, token_type};

use crate::common::{self, PLAIN, Script, Step, fetch, jws};

/// What every vendor of these tests answers: its own names, and a token that RFC 6750 does not know.
const ODD: &str = r#"{"data":{"key":"00D!AR8.x"},"api":"https://blue.example","ttl":60000,
    "issued_token_type":"x"}"#;

const DIALECT: &str = r#"
encoding = "json"
token = "data.key"
token_type_optional = true
lenient_token = true
expiry = { at = "ttl", unit = "ms" }
capture = { api = "api" }
"#;

fn with_grant(grant: &str, request: TokenRequest) -> TokenRequest {
    match grant {
        "refresh_token" => request.refresh_token("r1"),
        "jwt_bearer" => {
            let key = Key::from_pem(jws::P256).unwrap();
            request.jwt(Jwt::signed_by(key).issuer("me"))
        }
        "token_exchange" => request.subject_token("sub", token_type::JWT),
        "password" => request.user("robot", "hunter2"),
        _ => request,
    }
}

#[tokio::test]
async fn every_grant_with_every_client_and_a_dialect() {
    let grants = [
        ("client_credentials", "grant_type"),
        ("refresh_token", "refresh_token"),
        ("jwt_bearer", "assertion"),
        ("token_exchange", "subject_token"),
        ("password", "username"),
    ];
    let clients = [
        ("basic", "authorization"),
        ("basic-raw", "authorization"),
        ("post", "client_secret"),
        ("private-key-jwt", "client_assertion"),
        ("client-secret-jwt", "client_assertion"),
        ("tls", "client_id"),
        ("none", ""),
    ];
    for (grant, parameter) in grants {
        for (auth, proof) in clients {
            let lines = format!(
                "{PLAIN}grant = \"{grant}\"\nclient_auth = \"{auth}\"\nissuer = \"https://as\"\n{DIALECT}"
            );
            let profile = Profile::from_toml(&lines).unwrap();
            let secret = if auth == "private-key-jwt" {
                jws::P256
            } else {
                "s3cret"
            };
            let request = with_grant(grant, profile.client("my-client", secret));
            let script = Script::of([Step::ok(ODD)]);
            let source = request.build(script.clone()).unwrap();
            let credential = fetch(&source).await.unwrap();
            assert_eq!(
                credential.header_value(),
                "Bearer 00D!AR8.x",
                "{grant} {auth}"
            );
            assert_eq!(credential.field("api"), Some("https://blue.example"));
            let seen = script.only();
            let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
            assert!(
                body.get(parameter).is_some(),
                "{grant} {auth}: {}",
                seen.body
            );
            let proved = match proof {
                "" => true,
                "authorization" => seen.header("authorization").is_some(),
                name => body.get(name).is_some(),
            };
            assert!(proved, "{grant} {auth}: {}", seen.body);
        }
    }
}

#[tokio::test]
async fn code_says_what_a_file_says() {
    let request = hallpass_oauth2::RefreshToken::at(common::URL)
        .refresh_token("r1")
        .public("my-client")
        .lenient_token()
        .token_type_optional()
        .capture("api", "api")
        .profile(|profile| profile.token = vec!["data.key".to_owned()]);
    let source = request.build(Script::of([Step::ok(ODD)])).unwrap();
    let credential = fetch(&source).await.unwrap();
    assert_eq!(credential.header_value(), "Bearer 00D!AR8.x");
    assert_eq!(credential.field("api"), Some("https://blue.example"));
}

#[tokio::test]
async fn an_assertion_is_described_by_a_file_too() {
    let lines = format!(
        "{PLAIN}client_auth = \"private-key-jwt\"\nissuer = \"https://as\"\nassertion_kid = \"{{kid}}\"\nassertion_alg = \"PS256\"\nassertion_typ = \"JWT\"\nassertion_lifetime = 120\nassertion_backdated = 10"
    );
    let profile = Profile::from_toml(&lines).unwrap().var("kid", "2026-05");
    let seen = common::sent(profile.client("my-client", jws::RSA)).await;
    let jws = jws::Jws::of(&seen.body, "client_assertion");
    assert!(jws.verifies());
    for (name, expected) in [("kid", "2026-05"), ("alg", "PS256"), ("typ", "JWT")] {
        assert_eq!(jws.header[name], expected);
    }
    assert_eq!(jws.lifetime(), 130);

    let lines = format!("{PLAIN}client_auth = \"private-key-jwt\"\nassertion_alg = \"none\"");
    let error = Profile::from_toml(&lines).unwrap_err().to_string();
    assert!(
        error.starts_with("profile:3: assertion_alg: unknown algorithm \"none\"; one of RS256, "),
        "{error}"
    );
}

#[test]
fn a_grant_without_what_it_needs_is_named() {
    for (grant, expected) in [
        (
            "refresh_token",
            "no refresh token is set: call refresh_token",
        ),
        ("jwt_bearer", "no assertion is set: call jwt or assertion"),
        (
            "token_exchange",
            "no subject token is set: call subject_token",
        ),
        (
            "password",
            "no user is set: call user with a name and a password",
        ),
    ] {
        let profile = Profile::from_toml(&format!("{PLAIN}grant = \"{grant}\"")).unwrap();
        let built = profile.client("a", "b").build(Script::default());
        assert_eq!(built.unwrap_err().to_string(), expected);
    }
    // An exchange may be known by its token alone.
    let lines = format!("{PLAIN}grant = \"token_exchange\"\nclient_auth = \"none\"");
    let profile = Profile::from_toml(&lines).unwrap();
    let request = TokenRequest::from(profile).subject_token("a", token_type::JWT);
    assert!(request.build(Script::default()).is_ok());
}
