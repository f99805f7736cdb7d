//! A request that waits for its credential holds nothing that others need.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{BoxError, Cached, Credential, CredentialSource, Error, Fetch, NoCredential};
use hallpass_tower::BearerLayer;
use http::Request;
use http_body_util::{Empty, Full};
use tokio_test::{assert_pending, task};
use tower::{
    Layer as _, ServiceBuilder, ServiceExt as _,
    buffer::BufferLayer,
    limit::ConcurrencyLimitLayer,
    load_shed::{LoadShedLayer, error::Overloaded},
    util::BoxCloneSyncService,
};

use crate::common::{self, Api, Issuer, get, start};

const LONG: Duration = Duration::from_secs(25);

fn with<T: Clone + Send + Sync + 'static>(extension: T) -> Request<Empty<Bytes>> {
    let mut request = get();
    request.extensions_mut().insert(extension);
    request
}

/// One whose token endpoint hangs.
fn hanging() -> Cached {
    let issuer = Issuer::new();
    issuer.takes(LONG);
    Cached::new(issuer)
}

#[tokio::test(start_paused = true)]
async fn over_a_limit_others_get_on() {
    let api = Api::always(200);
    let service =
        BearerLayer::new(Issuer::new()).layer(ConcurrencyLimitLayer::new(2).layer(api.clone()));
    let tenant = hanging();
    let waiting: Vec<_> = (0..2)
        .map(|_| tokio::spawn(service.clone().oneshot(with(tenant.clone()))))
        .collect();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let before = tokio::time::Instant::now();
    service.clone().oneshot(get()).await.unwrap();
    service.clone().oneshot(with(NoCredential)).await.unwrap();
    assert!(before.elapsed() < Duration::from_millis(10));
    for call in waiting {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(api.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn over_a_buffer_too() {
    let api = Api::always(200);
    let service = ServiceBuilder::new()
        .map_err(hallpass_tower::Error::<BoxError>::into_boxed)
        .layer(BearerLayer::new(Issuer::new()))
        .layer(BufferLayer::new(1))
        .service(api.clone());
    let tenant = hanging();
    let waiting: Vec<_> = (0..3)
        .map(|_| tokio::spawn(service.clone().oneshot(with(tenant.clone()))))
        .collect();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let answer = tokio::time::timeout(Duration::from_secs(1), service.oneshot(get()));
    answer.await.unwrap().unwrap();
    for call in waiting {
        call.await.unwrap().unwrap();
    }
}

type Client = BoxCloneSyncService<Request<Empty<Bytes>>, u16, BoxError>;

/// Asks for its token through the client that the token is for.
#[derive(Default)]
struct Same(OnceLock<Client>);

impl CredentialSource for Same {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        let client = self.0.get().unwrap().clone();
        let status = client.oneshot(with(NoCredential)).await;
        assert_eq!(status.map_err(Error::transient)?, 200);
        Ok(Credential::bearer("token")?.lives_for(LONG))
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_may_ask_through_the_same_client() {
    let source = Arc::new(Same::default());
    let layer = BearerLayer::new(Arc::clone(&source));
    let service = layer.layer(ConcurrencyLimitLayer::new(1).layer(Api::always(200)));
    let service = ServiceBuilder::new()
        .map_response(|response: http::Response<Full<Bytes>>| response.status().as_u16())
        .map_err(|error: hallpass_tower::Error<common::Broken>| BoxError::from(error))
        .service(service);
    assert!(
        source
            .0
            .set(BoxCloneSyncService::new(service.clone()))
            .is_ok()
    );
    let before = tokio::time::Instant::now();
    assert_eq!(service.oneshot(get()).await.unwrap(), 200);
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn what_the_inner_service_says_after_the_wait_is_the_callers() {
    let issuer = Issuer::new();
    issuer.takes(Duration::from_secs(1));
    let api = Api::always(200);
    api.takes(LONG);
    let inner = ServiceBuilder::new()
        .layer(LoadShedLayer::new())
        .layer(ConcurrencyLimitLayer::new(1))
        .service(api);
    let service = BearerLayer::new(issuer).layer(inner);
    let waits = tokio::spawn(service.clone().oneshot(get()));
    tokio::time::sleep(Duration::from_millis(10)).await;
    let takes_the_place = tokio::spawn(service.clone().oneshot(with(NoCredential)));
    let error = waits.await.unwrap().unwrap_err();
    let hallpass_tower::Error::Inner(error) = error else {
        panic!("{error:?}")
    };
    assert!(error.is::<Overloaded>());
    assert_eq!(takes_the_place.await.unwrap().unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn one_that_holds_what_was_ready_needs_no_second_place() {
    let issuer = Issuer::new();
    issuer.takes(Duration::from_secs(1));
    let api = Api::always(200);
    let inner = ConcurrencyLimitLayer::new(1).layer(api.clone());
    let mut service = BearerLayer::new(issuer).hold_ready().layer(inner);
    let mut answer = task::spawn(start(&mut service, get()).await);
    assert_pending!(answer.poll());
    let mut other = task::spawn(service.clone().oneshot(get()));
    assert_pending!(other.poll());
    assert_eq!(api.calls(), 0, "the permit is held");
    assert_eq!(answer.await.unwrap().status(), 200);
    assert_eq!(other.await.unwrap().status(), 200);
}
