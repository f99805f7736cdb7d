//! AppRole as Vault documents it, at a stand-in for the server: the shipped profile does it all.

use std::time::Duration;

use bytes::Bytes;
use hallpass::{
    BearerLayer, Cached, Credential, Profile, Secret,
    hyper::Builder,
    oauth2::{TokenRequest, transport::Transport as _},
};
use http::Request;
use tower::Layer as _;

use crate::{
    harness::{Folder, Held, Server, script},
    kit::{TTL, api, ask, built, get, refusal, transport, url},
};

const ROLE: &str = "role-5f1c";
const SECRET_ID: &str = "secret-id-a93e";

fn start(environment: &[(&str, &str)]) -> Held {
    let command = vec!["python3".into(), script("vault.py")];
    Server::start(Folder::new("vault"), command, environment).into()
}

fn login(server: &Server, secret_id: impl Into<Secret>) -> TokenRequest {
    let profile = Profile::named("vault-approle").unwrap();
    let profile = profile.var("server", url(server, ""));
    profile.var("mount", "approle").client(ROLE, secret_id)
}

async fn revoke(server: &Server, credential: &Credential) {
    let request = Request::post(url(server, "/v1/auth/token/revoke-self"))
        .header(credential.header_name(), credential.header_value())
        .body(Bytes::new())
        .unwrap();
    let answer = transport().send(request, TTL).await.unwrap();
    assert_eq!(answer.status(), 204);
}

#[tokio::test]
async fn vault_gives_a_role_a_token_for_its_lease() {
    let server = start(&[]);
    let credential = ask(&built(login(&server, SECRET_ID))).await.unwrap();
    assert_eq!(credential.header_name(), "x-vault-token");
    assert_eq!(credential.lifetime(), Some(TTL));
    assert!(credential.header_value().is_sensitive());
}

#[tokio::test]
async fn vault_takes_a_revoked_token_for_invalid_and_a_forbidden_path_for_forbidden() {
    let server = start(&[]);
    let cached = Cached::new(built(login(&server, SECRET_ID)));
    let layer = BearerLayer::new(cached.clone()).report_attempts();
    let api = layer
        .looking_at_bodies()
        .layer(Builder::new().client().unwrap());
    let secret = url(&server, "/v1/secret/data/reader");
    let answer = get(&api, &secret).await.unwrap();
    assert_eq!(answer.body["data"]["data"]["word"], "open");

    // No policy allows it, and no other token would be allowed it.
    let answer = get(&api, &url(&server, "/v1/sys/raw/x")).await.unwrap();
    assert_eq!((answer.status, answer.attempt.replayed), (403, false));
    assert_eq!(answer.attempt.generation, 1);

    revoke(&server, &cached.get().await.unwrap()).await;
    let answer = get(&api, &secret).await.unwrap();
    assert_eq!((answer.status, answer.attempt.replayed), (200, true));
    assert_eq!(answer.attempt.generation, 2);
}

#[tokio::test]
async fn vault_leases_end_and_are_followed_by_others() {
    let server = start(&[("TTL", "2")]);
    let cached = Cached::new(built(login(&server, SECRET_ID)));
    let api = api(&cached);
    let secret = url(&server, "/v1/secret/data/reader");
    for _ in 0..12 {
        let answer = get(&api, &secret).await.unwrap();
        assert_eq!((answer.status, answer.attempt.replayed), (200, false));
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert!(cached.stats().generation > Some(1));
}

#[tokio::test]
async fn vault_refuses_a_secret_id_that_is_wrong_or_used_up() {
    let server = start(&[("USES", "1")]);
    ask(&built(login(&server, SECRET_ID))).await.unwrap();
    for secret_id in [SECRET_ID, "hunter2-hunter2"] {
        let error = refusal(login(&server, secret_id)).await;
        let shown = format!("{error:?}");
        assert!(shown.contains("invalid role or secret ID"), "{shown}");
        assert!(!shown.contains(secret_id), "{shown}");
        assert!(error.is_permanent(), "{shown}");
    }
    // A new one counts at once, within the same fetch even.
    let (secret, handle) = Secret::rotating("hunter2-hunter2");
    let server = start(&[]);
    let cached = Cached::new(built(login(&server, secret)));
    assert!(cached.get().await.unwrap_err().is_permanent());
    handle.set(SECRET_ID);
    cached.get().await.unwrap();
}
