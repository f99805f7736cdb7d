//! Many requests at once, and one credential for all of them.

use std::{sync::Arc, time::Duration};

use hallpass_core::{Cached, Error};
use hallpass_tower::BearerLayer;
use tower::{Layer as _, ServiceExt as _};

use crate::common::{API, Api, Issuer, api::answer, full, get, post, status, warm};

const MANY: usize = 1000;

async fn a_storm_after_a_revocation(delay: Duration) {
    let issuer = Issuer::new();
    let (layer, cached) = warm(&issuer).await;
    issuer.takes(delay);
    let api = Api::accepting("token-2");
    let service = layer.layer(api.clone());
    let calls: Vec<_> = (0..MANY)
        .map(|number| {
            let request = post(full(format!("request {number}")));
            tokio::spawn(service.clone().oneshot(request))
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    let stats = cached.stats();
    assert_eq!((issuer.fetches(), stats.fetches), (2, 2));
    assert_eq!((stats.rejections, stats.failures), (1, 0));
    // Those that came late enough had the new one at once.
    let refused = api.calls() - MANY;
    assert_eq!(stats.replays, refused as u64);
    let mut bodies: Vec<_> = api.seen().into_iter().map(|seen| seen.body).collect();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), MANY);
}

#[tokio::test]
async fn one_renewal_serves_a_thousand_on_one_thread() {
    a_storm_after_a_revocation(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_renewal_serves_a_thousand_on_several_threads() {
    for delay in [0, 1, 20] {
        a_storm_after_a_revocation(Duration::from_millis(delay)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_first_fetch_serves_a_thousand() {
    let issuer = Issuer::new();
    issuer.takes(Duration::from_millis(20));
    let api = Api::accepting("token-1");
    let layer = BearerLayer::new(Arc::clone(&issuer))
        .origins([API])
        .unwrap();
    let service = layer.layer(api.clone());
    let calls: Vec<_> = (0..MANY)
        .map(|_| tokio::spawn(service.clone().oneshot(get())))
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!((issuer.fetches(), api.calls()), (1, MANY));
}

#[tokio::test(start_paused = true)]
async fn after_one_failed_renewal_no_storm_reaches_the_source() {
    let issuer = Issuer::new();
    let (layer, _) = warm(&issuer).await;
    issuer.takes(Duration::from_secs(1));
    issuer.fails(Error::permanent("refused"));
    let api = Api::always(401);
    let service = layer.layer(api.clone());
    let calls: Vec<_> = (0..MANY)
        .map(|_| tokio::spawn(service.clone().oneshot(get())))
        .collect();
    for call in calls {
        match call.await.unwrap() {
            // Of those that were sent; their own answer is worth more than an error of ours.
            Ok(response) => assert_eq!(response.status(), 401),
            Err(error) => assert!(matches!(error, hallpass_tower::Error::Credential(_))),
        }
    }
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_everything_is_not_hammered() {
    let issuer = Issuer::new();
    let (layer, _) = warm(&issuer).await;
    let api = Api::always(401);
    let service = layer.layer(api.clone());
    let calls: Vec<_> = (0..MANY)
        .map(|_| tokio::spawn(service.clone().oneshot(get())))
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 401);
    }
    assert_eq!(issuer.fetches(), 2);
    assert!(api.calls() <= 2 * MANY);
}

#[tokio::test]
async fn clones_and_layers_share_one_credential() {
    let issuer = Issuer::new();
    let cached = Cached::new(Arc::clone(&issuer));
    let api = Api::new(|_| answer(200, ""));
    for layer in [BearerLayer::new(cached.clone()), BearerLayer::new(cached)] {
        let response = layer.layer(api.clone()).oneshot(get()).await.unwrap();
        assert_eq!(response.status(), status(200));
    }
    assert_eq!(issuer.fetches(), 1);
}
