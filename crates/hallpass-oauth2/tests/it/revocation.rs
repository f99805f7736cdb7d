//! Giving tokens back.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;

use hallpass_core::{Cached, Credential};
use hallpass_oauth2::{
    ClientCredentials, Dpop, Key, Profile, REVOCATION_DEADLINE, RefreshToken, Static, TokenRequest,
    Transport,
    transport::{Phase, TransportError},
};
use http::{Request, Response};
use tokio::{sync::Notify, time::Instant};

use crate::common::{
    self, Script, Step, TOKEN, URL, fetch,
    jws::{self, Jws},
};

const REVOKE: &str = "https://auth.example.com/revoke";

fn client() -> TokenRequest {
    common::client()
        .scope("a")
        .audience("b")
        .resource("https://c")
        .param("d", "e")
}

#[tokio::test]
async fn shutdown_revokes_what_is_held() {
    let script = Script::of([Step::ok(TOKEN), Step::ok("")]);
    let revocation = client().revocation(REVOKE, script.clone()).unwrap();
    let cached = Cached::new(client().build(script.clone()).unwrap());
    revocation.shutdown(&cached).await.unwrap();
    assert!(script.seen().is_empty(), "nothing is held yet");

    cached.get().await.unwrap();
    revocation.shutdown(&cached).await.unwrap();
    let seen = script.seen().remove(1);
    assert_eq!((seen.method.as_str(), seen.uri.as_str()), ("POST", REVOKE));
    assert_eq!(seen.body, "token=t0ken&token_type_hint=access_token");
    assert!(seen.header("authorization").unwrap().starts_with("Basic "));
    assert_eq!(seen.limit, REVOCATION_DEADLINE);
}

#[tokio::test]
async fn the_client_authenticates_as_it_always_does() {
    let token = Credential::bearer("t0ken").unwrap();
    let script = Script::of([Step::ok(""), Step::ok(""), Step::ok("")]);
    for builder in [
        ClientCredentials::at(URL).post("id", "s"),
        ClientCredentials::at(URL).public("id"),
        ClientCredentials::at(URL)
            .private_key_jwt("id", Key::from_pem(jws::P256).unwrap())
            .issuer("https://auth.example.com"),
    ] {
        let revocation = builder.revocation(REVOKE, script.clone()).unwrap();
        revocation.revoke(&token).await.unwrap();
    }
    let seen = script.seen();
    let end = "token=t0ken&token_type_hint=access_token";
    assert_eq!(seen[0].body, format!("client_id=id&client_secret=s&{end}"));
    assert_eq!(seen[1].body, format!("client_id=id&{end}"));
    assert!(Jws::of(&seen[2].body, "client_assertion").verifies());
}

#[tokio::test]
async fn the_latest_refresh_token_is_revoked() {
    let rotated = r#"{"access_token":"a","token_type":"Bearer","refresh_token":"r2"}"#;
    let script = Script::of([Step::ok(rotated), Step::ok("")]);
    let builder = RefreshToken::at(URL).refresh_token("r1").public("id");
    let revocation = builder.revocation(REVOKE, script.clone()).unwrap();
    let source = builder.build(script.clone()).unwrap();
    fetch(&source).await.unwrap();
    revocation.revoke_refresh_token(&source).await.unwrap();
    assert_eq!(
        script.seen()[1].body,
        "client_id=id&token=r2&token_type_hint=refresh_token"
    );

    let without = client().build(script.clone()).unwrap();
    assert!(revocation.revoke_refresh_token(&without).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_once_and_in_time() {
    let token = Credential::bearer("s3cr3t").unwrap();
    for (step, expected) in [
        (
            Step::Hang,
            "https://auth.example.com revoked nothing within 3 s",
        ),
        (
            Step::Fail(Phase::Exchange),
            "no answer from https://auth.example.com to a revocation",
        ),
        (
            Step::status(503, "").with("retry-after", "7"),
            "https://auth.example.com answered 503; next attempt in 7 s",
        ),
        (
            Step::status(401, r#"{"error":"invalid_client"}"#),
            "https://auth.example.com refused client \"my-client\" (invalid_client): check id and secret",
        ),
    ] {
        let script = Script::of([step]);
        let revocation = client().revocation(REVOKE, script.clone()).unwrap();
        let start = Instant::now();
        let error = revocation.revoke(&token).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(!common::chain(&error).contains("s3cr3t"));
        assert!(start.elapsed() <= REVOCATION_DEADLINE + Duration::from_secs(1));
        script.only();
    }
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_is_revoked_too() {
    const BOUND: &str = r#"{"access_token":"b0und","token_type":"DPoP","expires_in":300}"#;
    let script = Script::of([Step::ok(BOUND), Step::ok("")]);
    let client = client().dpop(Dpop::new());
    let revocation = client.revocation(REVOKE, script.clone()).unwrap();
    let cached = Cached::new(client.build(script.clone()).unwrap());
    cached.get().await.unwrap();
    revocation.shutdown(&cached).await.unwrap();
    let seen = script.seen().remove(1);
    assert_eq!(seen.body, "token=b0und&token_type_hint=access_token");
}

#[tokio::test]
async fn only_access_tokens_are_revoked() {
    let script = Script::default();
    let revocation = client().revocation(REVOKE, script.clone()).unwrap();
    let key = Credential::header("x-api-key".parse().unwrap(), "k3y").unwrap();
    assert!(revocation.revoke(&key).await.unwrap_err().is_permanent());
    let cached = Cached::new(Static::header("x-api-key", "k3y").unwrap());
    cached.get().await.unwrap();
    assert!(revocation.shutdown(&cached).await.is_err());
    assert!(script.seen().is_empty());
    assert!(
        client()
            .revocation("http://auth.example.com/revoke", script)
            .is_err()
    );
}

/// Answers when it is told to, with tokens that are numbered.
#[derive(Clone, Default)]
struct Slow {
    sent: Arc<Mutex<Vec<(String, String)>>>,
    answer: Arc<Notify>,
}

impl Transport for Slow {
    async fn send(
        &self,
        request: Request<Bytes>,
        _limit: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path().to_owned();
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        let number = {
            let mut sent = self.sent.lock().unwrap();
            sent.push((path.clone(), body));
            sent.len()
        };
        if path == "/revoke" {
            return Ok(Response::default());
        }
        self.answer.notified().await;
        Ok(Response::new(Bytes::from(format!(
            r#"{{"access_token":"a{number}","token_type":"Bearer","expires_in":300,"refresh_token":"r{number}"}}"#
        ))))
    }
}

impl Slow {
    async fn asked(&self, times: usize) {
        while self.sent.lock().unwrap().len() < times {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn last(&self) -> String {
        self.sent.lock().unwrap().last().unwrap().1.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_under_way_is_waited_for() {
    let slow = Slow::default();
    let builder = RefreshToken::at(URL).refresh_token("r0").public("id");
    let revocation = builder.revocation(REVOKE, slow.clone()).unwrap();
    let source = builder.build(slow.clone()).unwrap();
    let refresh = tokio::spawn({
        let source = source.clone();
        async move { fetch(&source).await }
    });
    slow.asked(1).await;
    let revoked = tokio::spawn({
        let source = source.clone();
        async move { revocation.revoke_refresh_token(&source).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(slow.sent.lock().unwrap().len(), 1, "it waits for its turn");
    slow.answer.notify_one();
    refresh.await.unwrap().unwrap();
    revoked.await.unwrap().unwrap();
    assert!(slow.last().contains("token=r1"), "{}", slow.last());
    // What was revoked is not sent again.
    let error = fetch(&source).await.unwrap_err();
    assert_eq!(error.code(), Some("invalid_grant"));
}

#[tokio::test(start_paused = true)]
async fn revocation_waits_until_nothing_is_under_way() {
    let slow = Slow::default();
    let builder = client();
    let revocation = builder.revocation(REVOKE, slow.clone()).unwrap();
    let source = builder.build(slow.clone()).unwrap();
    let refresh = tokio::spawn(async move { fetch(&source).await });
    slow.asked(1).await;
    let old = Credential::bearer("old").unwrap();
    let late = revocation.clone().deadline(Duration::from_millis(20));
    let error = late.revoke(&old).await.unwrap_err();
    assert!(error.to_string().ends_with("revoked nothing within 0.02 s"));
    let revoked = tokio::spawn(async move { revocation.revoke(&old).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(slow.sent.lock().unwrap().len(), 1, "it waits for its turn");
    slow.answer.notify_one();
    refresh.await.unwrap().unwrap();
    revoked.await.unwrap().unwrap();
    assert!(slow.last().contains("token=old"), "{}", slow.last());
}

#[tokio::test]
async fn a_profile_says_how_the_client_signs_here_too() {
    let profile = Profile::from_toml(&format!(
        "token_url = \"{URL}\"\nclient_auth = \"private-key-jwt\"\nissuer = \"https://as\"\nassertion_kid = \"k\"\nassertion_alg = \"PS256\"\nassertion_typ = \"JWT\"\nassertion_lifetime = 30\nassertion_backdated = 5"
    ));
    let builder = profile.unwrap().client("id", jws::RSA);
    let script = Script::of([Step::ok("")]);
    let revocation = builder.revocation(REVOKE, script.clone()).unwrap();
    let token = Credential::bearer("t0ken").unwrap();
    revocation.revoke(&token).await.unwrap();
    let jws = Jws::of(&script.only().body, "client_assertion");
    assert_eq!(
        jws.header,
        serde_json::json!({"typ": "JWT", "alg": "PS256", "kid": "k"})
    );
    let claim = |name: &str| jws.claims[name].as_u64().unwrap();
    assert_eq!(claim("exp") - claim("iat"), 35);
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_what_is_about_to_come() {
    let slow = Slow::default();
    let revocation = client().revocation(REVOKE, slow.clone()).unwrap();
    let lonely = Cached::new(client().build(slow.clone()).unwrap());
    revocation.shutdown(&lonely).await.unwrap();

    let builder = client();
    let revocation = builder.revocation(REVOKE, slow.clone()).unwrap();
    let cached = Cached::new(builder.build(slow.clone()).unwrap());
    let caller = tokio::spawn({
        let cached = cached.clone();
        async move { cached.get().await }
    });
    slow.asked(1).await;
    let ended = tokio::spawn({
        let cached = cached.clone();
        async move { revocation.shutdown(&cached).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    slow.answer.notify_one();
    caller.await.unwrap().unwrap();
    ended.await.unwrap().unwrap();
    assert!(slow.last().contains("token=a1"), "{}", slow.last());
}
