//! Calls to an API with the token, and what becomes of them when the token is revoked.

use hallpass::Cached;

use crate::{
    kinds::Kind,
    kit::{about, api, built, get, url, usual},
};

at_each_server!(many_calls_one_token, a_revoked_token_is_healed);

async fn many_calls_one_token(kind: &'static Kind) {
    let server = kind.running();
    let cached = Cached::new(built(usual(kind, &server)));
    let api = api(&cached);
    let resource = url(&server, kind.resource);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (api, resource) = (api.clone(), resource.clone());
            tokio::spawn(async move { get(&api, &resource).await })
        })
        .collect();
    for call in calls {
        let answer = call.await.unwrap().unwrap();
        assert_eq!(answer.status, kind.live, "{answer:?}");
        assert!(!answer.attempt.replayed);
        assert_eq!(answer.attempt.generation, 1);
        if kind.live == 200 {
            assert_eq!(answer.body["client_id"], "basic");
        }
    }
    assert_eq!(cached.stats().fetches, 1);

    if let Some(introspection) = kind.introspection {
        let credential = cached.get().await.unwrap();
        let said = about(&server, introspection, &credential).await;
        assert_eq!(said["active"], true, "{said}");
        assert_eq!(said["client_id"], "basic", "{said}");
    }
}

async fn a_revoked_token_is_healed(kind: &'static Kind) {
    let server = kind.running();
    let cached = Cached::new(built(usual(kind, &server)));
    let api = api(&cached);
    let resource = url(&server, kind.resource);
    let answer = get(&api, &resource).await.unwrap();
    assert_eq!((answer.status, answer.attempt.replayed), (kind.live, false));

    let first = cached.get().await.unwrap();
    about(&server, kind.revocation, &first).await;
    if let Some(introspection) = kind.introspection {
        let said = about(&server, introspection, &first).await;
        assert_eq!(said["active"], false, "{said}");
    }

    let answer = get(&api, &resource).await.unwrap();
    assert_eq!((answer.status, answer.attempt.replayed), (kind.live, true));
    assert_eq!(answer.attempt.generation, 2);
    let answer = get(&api, &resource).await.unwrap();
    assert_eq!((answer.status, answer.attempt.replayed), (kind.live, false));
    let stats = cached.stats();
    assert_eq!((stats.fetches, stats.rejections, stats.replays), (2, 1, 1));
}
