//! A caller that goes away takes nothing with it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hallpass_core::Cached;
use hallpass_tower::BearerLayer;
use http::Request;
use http_body_util::Empty;
use tokio_test::{assert_pending, task};
use tower::{
    ServiceBuilder, ServiceExt,
    limit::{ConcurrencyLimit, ConcurrencyLimitLayer},
};

use crate::common::{API, Api, Broken, Issuer, full, get, post, start, status, warm};

const SECOND: Duration = Duration::from_secs(1);

/// Over a single permit, which must be free again after all that follows.
fn limited(layer: BearerLayer, api: &Api) -> hallpass_tower::BearerService<ConcurrencyLimit<Api>> {
    ServiceBuilder::new()
        .layer(layer)
        .layer(ConcurrencyLimitLayer::new(1))
        .service(api.clone())
}

#[tokio::test(start_paused = true)]
async fn while_it_waits_for_a_credential() {
    let issuer = Issuer::new();
    issuer.takes(3 * SECOND);
    let api = Api::always(200);
    let service = limited(BearerLayer::new(Arc::clone(&issuer)), &api);
    let gone = tokio::time::timeout(SECOND, service.clone().oneshot(get())).await;
    assert!(gone.is_err());
    // The fetch goes on and serves the next.
    let before = tokio::time::Instant::now();
    assert_eq!(service.oneshot(get()).await.unwrap().status(), 200);
    assert_eq!(before.elapsed(), 2 * SECOND);
    assert_eq!((issuer.fetches(), api.calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn before_its_first_poll() {
    let issuer = Issuer::new();
    let api = Api::always(200);
    let mut service = limited(BearerLayer::new(Arc::clone(&issuer)), &api);
    drop(start(&mut service, get()).await);
    assert_eq!((issuer.fetches(), api.calls()), (0, 0));
    assert_eq!(service.oneshot(get()).await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn while_it_sends() {
    let (layer, cached) = warm(&Issuer::new()).await;
    let api = Api::always(401);
    api.takes(3 * SECOND);
    let service = limited(layer, &api);
    let gone = tokio::time::timeout(SECOND, service.clone().oneshot(get())).await;
    assert!(gone.is_err());
    api.takes(Duration::ZERO);
    tokio::time::sleep(5 * SECOND).await;
    assert_eq!((api.calls(), cached.stats().rejections), (1, 0));
    assert_eq!(service.oneshot(get()).await.unwrap().status(), 401);
}

#[tokio::test(start_paused = true)]
async fn while_it_renews() {
    let issuer = Issuer::new();
    let (layer, cached) = warm(&issuer).await;
    issuer.takes(3 * SECOND);
    let api = Api::accepting("token-2");
    let service = limited(layer, &api);
    let other = tokio::spawn(service.clone().oneshot(post(full("other"))));
    tokio::task::yield_now().await;
    let gone = tokio::time::timeout(SECOND, service.clone().oneshot(get())).await;
    assert!(gone.is_err());
    assert_eq!(other.await.unwrap().unwrap().status(), 200);
    assert_eq!((issuer.fetches(), cached.stats().replays), (2, 1));
    assert_eq!(service.oneshot(get()).await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn while_it_waits_for_the_inner_service_before_the_replay() {
    let (layer, cached) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let service = limited(layer, &api);
    let mut call = task::spawn(service.clone().oneshot(get()));
    let mut holder = ConcurrencyLimitHolder(None);
    // The first sending ends, and somebody else takes the permit before the replay can.
    while cached.stats().rejections == 0 {
        assert_pending!(call.poll());
        tokio::task::yield_now().await;
    }
    holder.take(service.get_ref()).await;
    assert!(tokio::time::timeout(SECOND, &mut call).await.is_err());
    assert_eq!(api.calls(), 1);
    drop((call, holder));
    assert_eq!(service.oneshot(get()).await.unwrap().status(), 200);
}

/// Somebody else who has the permit and does nothing with it.
struct ConcurrencyLimitHolder(Option<ConcurrencyLimit<Api>>);

impl ConcurrencyLimitHolder {
    async fn take(&mut self, service: &ConcurrencyLimit<Api>) {
        let mut service = service.clone();
        let ready: Result<_, Broken> =
            ServiceExt::<Request<Empty<Bytes>>>::ready(&mut service).await;
        ready.unwrap();
        self.0 = Some(service);
    }
}

#[tokio::test(start_paused = true)]
async fn many_that_go_away_at_any_moment_leave_everything_in_order() {
    let issuer = Issuer::new();
    issuer.takes(Duration::from_millis(70));
    let cached = Cached::new(Arc::clone(&issuer));
    let api = Api::accepting("token-2");
    api.takes(Duration::from_millis(30));
    let layer = BearerLayer::new(cached.clone()).origins([API]).unwrap();
    let service = limited(layer, &api);
    for after in 0..300 {
        let call = service.clone().oneshot(post(full("x")));
        drop(tokio::time::timeout(Duration::from_millis(after), call).await);
    }
    let response = service.clone().oneshot(get()).await.unwrap();
    assert_eq!(response.status(), status(200));
    assert_eq!(issuer.fetches(), 2);
    assert_eq!(cached.stats().rejections, 1);
}
