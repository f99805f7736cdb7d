//! The JWT bearer grant, token exchange, and grants under a vendor's own name.

use hallpass_oauth2::{
    ClientCredentials, Jwt, JwtBearer, Key, Secret, TokenExchange, TokenRequest, token_type,
};
use serde_json::json;

use crate::common::{
    self, Script, Step, TOKEN, URL, fetch,
    jws::{self, Jws, param},
};

const ISSUED: &str = r#"{"access_token":"t0ken","token_type":"Bearer","expires_in":60,
    "issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}"#;

async fn body(builder: TokenRequest) -> String {
    let script = Script::of([Step::ok(ISSUED)]);
    fetch(&builder.build(script.clone()).unwrap())
        .await
        .unwrap();
    script.only().body
}

fn fault(builder: TokenRequest) -> String {
    builder.build(Script::default()).unwrap_err().to_string()
}

fn jwt() -> Jwt {
    Jwt::signed_by(Key::from_pem(jws::RSA).unwrap())
        .issuer("me")
        .subject("you")
}

#[tokio::test]
async fn an_assertion_is_a_grant() {
    let sent = body(JwtBearer::at(URL).jwt(jwt()).scope("a")).await;
    let assertion = Jws::of(&sent, "assertion");
    assert!(assertion.verifies());
    assert_eq!(assertion.header["typ"], "JWT");
    assert_eq!(
        (
            assertion.claim("iss"),
            assertion.claim("sub"),
            assertion.claim("aud")
        ),
        ("me", "you", URL)
    );
    assert_eq!(
        param(&sent, "grant_type").as_deref(),
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer")
    );
    assert_eq!(param(&sent, "scope").as_deref(), Some("a"));
    assert_eq!(param(&sent, "client_id"), None);

    for (builder, audience) in [
        (
            JwtBearer::at(URL).jwt(jwt()).issuer("https://as"),
            "https://as",
        ),
        (JwtBearer::at(URL).jwt(jwt().audience("own")), "own"),
    ] {
        let sent = body(builder).await;
        let assertion = Jws::of(&sent, "assertion");
        assert_eq!(assertion.claim("aud"), audience);
    }
    let others = JwtBearer::at(URL)
        .assertion(Secret::from("a.b.c"))
        .basic("id", "s");
    assert_eq!(
        param(&body(others).await, "assertion").as_deref(),
        Some("a.b.c")
    );
}

#[tokio::test]
async fn a_google_key_file_reads_as_it_is() {
    let mut file = json!({
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "0a1b",
        "private_key": jws::RSA,
        "client_email": "robot@p.iam.gserviceaccount.com",
        "client_id": "1",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com"
    });
    let builder = JwtBearer::google(&file.to_string())
        .unwrap()
        .scope("https://www.googleapis.com/auth/cloud-platform")
        .subject("person@example.com");
    let script = Script::of([Step::ok(TOKEN)]);
    let credential = fetch(&builder.build(script.clone()).unwrap())
        .await
        .unwrap();
    let seen = script.only();
    assert_eq!(seen.uri, "https://oauth2.googleapis.com/token");
    assert_eq!(param(&seen.body, "scope"), None);
    let assertion = Jws::of(&seen.body, "assertion");
    assert!(assertion.verifies());
    assert_eq!(assertion.header["alg"], "RS256");
    assert_eq!(assertion.header["kid"], "0a1b");
    assert_eq!(assertion.claim("iss"), "robot@p.iam.gserviceaccount.com");
    assert_eq!(assertion.claim("sub"), "person@example.com");
    assert_eq!(
        assertion.claim("aud"),
        "https://oauth2.googleapis.com/token"
    );
    let scope = "https://www.googleapis.com/auth/cloud-platform";
    assert_eq!(assertion.claim("scope"), scope);
    assert_eq!(credential.scope(), Some(scope));

    for (name, value, expected) in [
        (
            "token_uri",
            json!(null),
            "the service account's file has no \"token_uri\"",
        ),
        (
            "type",
            json!("authorized_user"),
            "the file is of type \"authorized_user\", not \"service_account\"",
        ),
        (
            "private_key",
            json!("s3cr3t"),
            "no private key in the PEM text",
        ),
    ] {
        let kept = std::mem::replace(&mut file[name], value);
        let error = JwtBearer::google(&file.to_string()).unwrap_err();
        assert_eq!(common::chain(&error), expected);
        file[name] = kept;
    }
    let error = JwtBearer::google("{\"private_key\":\"s3cr3t").unwrap_err();
    assert_eq!(
        common::chain(&error),
        "the service account's file is not its JSON"
    );
}

#[tokio::test]
async fn one_token_is_exchanged_for_another() {
    let builder = TokenExchange::at(URL)
        .subject_token("sub.ject", token_type::JWT)
        .actor_token("act.or", token_type::ACCESS_TOKEN)
        .requested_token_type(token_type::ACCESS_TOKEN)
        .audience("https://api.example.com")
        .basic("id", "s");
    let script = Script::of([Step::ok(ISSUED)]);
    let source = builder.build(script.clone()).unwrap();
    let credential = fetch(&source).await.unwrap();
    assert_eq!(
        credential.field("issued_token_type"),
        Some(token_type::ACCESS_TOKEN)
    );
    let sent = script.only().body;
    for (name, expected) in [
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        ("subject_token", "sub.ject"),
        ("subject_token_type", token_type::JWT),
        ("actor_token", "act.or"),
        ("actor_token_type", token_type::ACCESS_TOKEN),
        ("requested_token_type", token_type::ACCESS_TOKEN),
        ("audience", "https://api.example.com"),
    ] {
        assert_eq!(param(&sent, name).as_deref(), Some(expected), "{name}");
    }
}

#[tokio::test]
async fn what_was_issued_must_be_said_and_fit() {
    let exchange = || TokenExchange::at(URL).subject_token("s", token_type::JWT);
    let id_jag = r#"{"access_token":"t","token_type":"N_A","expires_in":60,
        "issued_token_type":"urn:ietf:params:oauth:token-type:id-jag"}"#;
    for (answer, expected) in [
        (
            TOKEN,
            "https://auth.example.com answered 200 without an issued_token_type",
        ),
        (
            id_jag,
            "https://auth.example.com issued a token of type \"N_A\"; only Bearer is supported here",
        ),
    ] {
        for builder in [exchange(), exchange().token_type_optional()] {
            let source = builder.build(Script::of([Step::ok(answer)])).unwrap();
            let error = fetch(&source).await.unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}

#[tokio::test]
async fn a_vendor_may_call_its_grant_otherwise() {
    let zoom = ClientCredentials::at(URL)
        .basic("id", "s")
        .param("grant_type", "account_credentials")
        .param("account_id", "7");
    assert_eq!(
        body(zoom).await,
        "grant_type=account_credentials&account_id=7"
    );
    let own = TokenExchange::at(URL)
        .subject_token("s", token_type::JWT)
        .param("grant_type", "swap");
    assert!(
        body(own)
            .await
            .starts_with("grant_type=swap&subject_token_type=")
    );
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(
        fault(TokenExchange::at(URL)),
        "no subject token is set: call subject_token"
    );
    assert_eq!(
        fault(JwtBearer::at(URL).subject("you").jwt(jwt())),
        "there is no jwt yet to have a subject: call jwt or google first"
    );
    assert_eq!(
        fault(JwtBearer::at(URL)),
        "no assertion is set: call jwt or assertion"
    );
    assert_eq!(
        fault(TokenExchange::at(URL).subject_token("s", "t").in_query()),
        "the parameter \"subject_token\" would stand in the token URL, where logs keep it: send it in the body"
    );
}
