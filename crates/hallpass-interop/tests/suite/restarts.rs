//! A server that goes away, and one that comes back having forgotten its tokens.

use std::time::Duration;

use hallpass::{Cached, ClientCredentials, Secret};

use crate::{
    harness::Held,
    kinds::OIDC_PROVIDER,
    kit::{Failed, api, built, get, refusal, url, usual},
};

#[tokio::test]
async fn forgotten_tokens_are_healed_oidc_provider() {
    let server = Held::from(OIDC_PROVIDER.start(&[]));
    let port = server.port("port").to_string();
    let cached = Cached::new(built(usual(&OIDC_PROVIDER, &server)));
    let api = api(&cached);
    let resource = url(&server, OIDC_PROVIDER.resource);
    assert_eq!(get(&api, &resource).await.unwrap().status, 200);

    drop(server);
    // A request that goes out before the news of it has come would fail in another way.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let Err(Failed::Inner(error)) = get(&api, &resource).await else {
        panic!("nobody is there");
    };
    assert!(error.is_connect(), "{error}");

    let _server = Held::from(OIDC_PROVIDER.start(&[("PORT", &port)]));
    let answer = get(&api, &resource).await.unwrap();
    assert_eq!((answer.status, answer.attempt.replayed), (200, true));
    assert_eq!(cached.stats().replays, 1);
}

#[tokio::test]
async fn a_new_secret_ends_a_refusal_oidc_provider() {
    let server = Held::from(OIDC_PROVIDER.start(&[("BASIC_SECRET", "this month's")]));
    let (secret, handle) = Secret::rotating("last month's");
    let grant = ClientCredentials::at(url(&server, OIDC_PROVIDER.token)).basic("basic", secret);
    let cached = Cached::new(built(grant.scope("read")));
    let error = cached.get().await.unwrap_err();
    assert!(error.is_permanent(), "{error}");
    handle.set("this month's");
    assert_eq!(cached.get().await.unwrap().generation(), 1);
}

#[tokio::test]
async fn an_absent_server_may_come_back_oidc_provider() {
    let server = Held::from(OIDC_PROVIDER.start(&[]));
    let grant = usual(&OIDC_PROVIDER, &server);
    drop(server);
    let error = refusal(grant).await;
    assert!(error.is_transient() && !error.is_timeout(), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("no connection to http://127.0.0.1:")
    );
}
