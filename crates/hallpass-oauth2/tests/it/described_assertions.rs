//! Assertions of the JWT bearer grant that a file describes from the issuer to the last claim.

use std::time::SystemTime;

use hallpass_core::{Cached, CredentialSource as _};
use hallpass_oauth2::{Jwt, Key, Profile, Secret, TokenRequest};
use serde_json::json;

use crate::common::{
    PLAIN, Script, Step, TOKEN, build_error, chain,
    jws::{self, Jws, param},
    outcome, sent,
};

const WHOLE: &str = r#"
grant = "jwt_bearer"
client_auth = "none"
assertion_kid = "{year}-1"
assertion_alg = "PS384"
assertion_typ = "at+jwt"
assertion_lifetime = 180
assertion_backdated = 10

[claims]
iss = "{client_id}"
sub = "{user}"
aud = "https://login.example.com"
scope = "signature {user}"
admin = true
level = 7
groups = ["a", "{user}"]
act = { sub = "{client_id}", since = "{now(-1d, date)}" }

[variables]
user = "on whose behalf"
year = "when the key was made"
"#;

fn profile(lines: &str) -> Profile {
    Profile::from_toml(&format!("{PLAIN}{lines}")).unwrap()
}

fn whole() -> TokenRequest {
    let profile = profile(WHOLE).var("user", "ann").var("year", "2026");
    profile.client("my-client", jws::RSA)
}

fn bearer(lines: &str) -> String {
    format!("grant = \"jwt_bearer\"\nclient_auth = \"none\"\n{lines}")
}

async fn assertion(request: TokenRequest) -> Jws {
    let jws = Jws::of(&sent(request).await.body, "assertion");
    assert!(jws.verifies());
    jws
}

#[tokio::test]
async fn a_file_describes_all_of_an_assertion() {
    let mut jws = assertion(whole()).await;
    assert_eq!(
        jws.header,
        json!({"typ": "at+jwt", "alg": "PS384", "kid": "2026-1"})
    );
    let claims = jws.claims.as_object_mut().unwrap();
    let mut number = |name| claims.remove(name).unwrap().as_u64().unwrap();
    let (iat, exp) = (number("iat"), number("exp"));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    assert_eq!(exp - iat, 190);
    assert!(now.unwrap().as_secs().abs_diff(exp - 180) < 5);
    assert_eq!(claims.remove("jti").unwrap().as_str().unwrap().len(), 22);
    let since = claims["act"]["since"].take();
    assert_eq!(since.as_str().unwrap().len(), "2026-11-26".len());
    assert_eq!(
        jws.claims,
        json!({
            "iss": "my-client",
            "sub": "ann",
            "aud": "https://login.example.com",
            "scope": "signature ann",
            "admin": true,
            "level": 7,
            "groups": ["a", "ann"],
            "act": {"sub": "my-client", "since": null},
        })
    );
}

#[tokio::test]
async fn little_is_enough() {
    let jws =
        assertion(profile(&bearer("claims = { iss = \"{client_id}\" }")).client("me", jws::P256));
    let jws = jws.await;
    assert_eq!(jws.header, json!({"typ": "JWT", "alg": "ES256"}));
    assert_eq!(jws.claim("aud"), "https://auth.example.com/token");
    let lines = bearer(
        "issuer = \"https://as\"\nscope = \"a b\"\nscope_in_claims = true\nclaims = { iss = \"x\" }",
    );
    let request = profile(&lines).client("me", jws::P256);
    let seen = sent(request.clone().subject("{ann}")).await;
    assert_eq!(param(&seen.body, "scope"), None);
    let jws = Jws::of(&seen.body, "assertion");
    assert_eq!(
        (jws.claim("aud"), jws.claim("scope")),
        ("https://as", "a b")
    );
    assert_eq!(jws.claim("sub"), "{ann}");
    // Code that sets an assertion sets all of it.
    let own = Jwt::signed_by(Key::from_pem(jws::RSA).unwrap()).issuer("own");
    let jws = assertion(request.jwt(own)).await;
    assert_eq!(
        (&jws.header["alg"], jws.claim("iss")),
        (&json!("RS256"), "own")
    );
}

#[tokio::test]
async fn a_client_that_authenticates_signs_with_a_key_of_its_own() {
    let lines = "grant = \"jwt_bearer\"\nassertion_key = \"{signing_key}\"\nclaims = { iss = \"{client_id}\" }";
    let request = profile(lines).var("signing_key", Secret::from(jws::P384));
    let seen = sent(request.client("my-client", "s3cret")).await;
    assert!(seen.header("authorization").unwrap().starts_with("Basic "));
    let jws = Jws::of(&seen.body, "assertion");
    assert!(jws.verifies());
    assert_eq!(jws.header["alg"], "ES384");

    // The client's key signs both.
    let lines = "grant = \"jwt_bearer\"\nclient_auth = \"private-key-jwt\"\nissuer = \"https://as\"\nassertion_kid = \"k\"\nclaims = { iss = \"{client_id}\" }";
    let seen = sent(profile(lines).client("my-client", jws::P256)).await;
    for (name, typ) in [
        ("assertion", "JWT"),
        ("client_assertion", "client-authentication+jwt"),
    ] {
        let jws = Jws::of(&seen.body, name);
        assert!(jws.verifies());
        assert_eq!(jws.header, json!({"typ": typ, "alg": "ES256", "kid": "k"}));
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_key_or_claim_ends_a_remembered_refusal() {
    let (key, new_key) = Secret::rotating(jws::P256);
    let (user, new_user) = Secret::rotating("ann");
    let lines = bearer("assertion_key = \"{key}\"\nclaims = { sub = \"{user}\" }");
    let profile = profile(&lines).var("key", key).var("user", user);
    let refused = || Step::status(400, r#"{"error":"invalid_grant"}"#);
    let script = Script::of([refused(), refused(), Step::ok(TOKEN)]);
    let source = TokenRequest::from(profile).build(script.clone()).unwrap();
    let version = source.version();
    let cached = Cached::new(source.clone());
    for (step, expected) in [("ES256", "ann"), ("ES384", "ann")] {
        assert!(cached.get().await.unwrap_err().is_permanent());
        assert!(cached.get().await.unwrap_err().is_permanent());
        let jws = Jws::of(&script.only().body, "assertion");
        assert_eq!(
            (&jws.header["alg"], jws.claim("sub")),
            (&json!(step), expected)
        );
        if step == "ES256" {
            new_key.set(jws::P384);
        } else {
            new_user.set("bob");
        }
        assert_ne!(source.version(), version);
    }
    cached.get().await.unwrap();
    assert_eq!(
        Jws::of(&script.only().body, "assertion").claim("sub"),
        "bob"
    );
}

#[tokio::test]
async fn a_secret_in_a_claim_is_masked() {
    let lines = bearer(
        "claims = { iss = \"x\", act = { pin = \"{pin}\" }, tenant_key = \"{tenant_key}\" }",
    );
    let profile = profile(&lines)
        .var("pin", Secret::from("hunter2-pin"))
        .var("tenant_key", "hunter2-key");
    let answer =
        r#"{"error":"invalid_grant","error_description":"hunter2-pin and hunter2-key are wrong"}"#;
    let error = outcome(profile.client("me", jws::P256), Step::status(400, answer)).await;
    let error = error.unwrap_err();
    assert!(chain(&error).contains("[secret] and [secret] are wrong"));
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn what_can_not_be_signed_is_said_at_build() {
    let key = |lines: &str| profile(lines).client("me", jws::P256);
    for (request, expected) in [
        (
            key("client_auth = \"none\"\ngrant = \"token_exchange\"\nclaims = { iss = \"x\" }")
                .subject_token("a", "b"),
            "claims are set, but the grant is urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        (
            key("grant = \"jwt_bearer\"\nclaims = { iss = \"x\" }"),
            "the claims would be signed with the secret that the client authenticates with: name a key of their own in assertion_key",
        ),
        (
            TokenRequest::from(profile(&bearer("claims = { iss = \"x\" }"))),
            "no key is set that signs the claims: call client, with the key as the secret",
        ),
        (
            key(&bearer("claims = { iss = \"{client_secret}\" }")),
            "a claim names {client_secret} or {basic}, which whoever reads the assertion would know",
        ),
        (
            key(&bearer(
                "claims = { iss = \"x\" }\nassertion_key = \"{signing_key}\"",
            )),
            "profile \"profile\" needs the variable \"signing_key\"",
        ),
        (
            key(&bearer("claims = { iss = \"{user}\" }")),
            "profile \"profile\" needs the variable \"user\"",
        ),
        (
            TokenRequest::from(
                profile(&bearer(
                    "claims = { iss = \"{client_id}\" }\nassertion_key = \"{k}\"",
                ))
                .var("k", jws::P256),
            ),
            "no client is set: call basic, post, private_key_jwt, mtls or public",
        ),
    ] {
        assert_eq!(build_error(request), expected);
    }
    for (line, expected) in [
        (
            "assertion_key = \"key\"",
            "profile:2: assertion_key is not one variable in braces, such as {signing_key}",
        ),
        (
            "assertion_key = \"{a}{b}\"",
            "profile:2: assertion_key is not one variable in braces, such as {signing_key}",
        ),
        (
            "claims = { sub = \"{token}\" }",
            "profile:2: claims has a template with {token}, which has no value there",
        ),
    ] {
        let error = Profile::from_toml(&format!("{PLAIN}{line}")).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
