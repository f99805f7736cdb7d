//! The inner service is called only when it is ready, on the instance that said so.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hallpass_core::{BoxError, Error};
use hallpass_tower::BearerLayer;
use http::Request;
use tower::{
    Layer as _, Service, ServiceBuilder, ServiceExt as _, buffer::BufferLayer,
    limit::ConcurrencyLimitLayer, timeout::TimeoutLayer,
};

use crate::common::{self, API, Api, Issuer, full, get, post, start, status, warm};

// `Api` panics if it is called unready, and a clone of it is not ready.

#[tokio::test]
async fn one_service_serves_one_request_after_the_other() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let mut service = layer.layer(api.clone());
    for _ in 0..3 {
        let answer = start(&mut service, get()).await;
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    assert_eq!(api.calls(), 4);
}

#[tokio::test]
async fn the_service_that_was_ready_is_called_after_the_wait() {
    let issuer = Issuer::new();
    let api = Api::always(200);
    let mut service = BearerLayer::new(Arc::clone(&issuer)).layer(api.clone());
    let first = start(&mut service, get()).await;
    // What stays behind is a clone and has to be asked again.
    let second = start(&mut service, get()).await;
    let (first, second) = tokio::join!(first, second);
    assert_eq!(
        (first.unwrap().status(), second.unwrap().status()),
        (status(200), status(200))
    );
    assert_eq!((api.calls(), issuer.fetches()), (2, 1));
}

#[tokio::test]
async fn an_inner_service_that_puts_off_is_waited_for() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let mut service = layer.layer(api.clone());
    api.puts_off(3);
    let answer = start(&mut service, get()).await;
    // And again before the replay.
    api.puts_off(3);
    assert_eq!(answer.await.unwrap().status(), 200);
    assert_eq!(api.calls(), 2);
}

#[tokio::test]
async fn after_a_wait_and_a_refusal_too() {
    let api = Api::accepting("token-2");
    let service = BearerLayer::new(Issuer::new()).layer(api.clone());
    let response = service
        .oneshot(post(full("waited, refused")))
        .await
        .unwrap();
    assert_eq!((response.status(), api.calls()), (status(200), 2));
}

#[tokio::test(start_paused = true)]
async fn a_single_permit_is_enough_for_replays() {
    let issuer = Issuer::new();
    let (layer, _) = warm(&issuer).await;
    issuer.takes(Duration::from_secs(1));
    let api = Api::accepting("token-2");
    api.takes(Duration::from_millis(10));
    let service = ServiceBuilder::new()
        .layer(layer)
        .layer(ConcurrencyLimitLayer::new(1))
        .service(api.clone());
    let calls: Vec<_> = (0..20)
        .map(|_| tokio::spawn(service.clone().oneshot(get())))
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_returned_by_a_request_that_is_refused() {
    let (layer, _) = warm(&Issuer::new()).await;
    let mut one = ServiceBuilder::new()
        .layer(layer)
        .layer(ConcurrencyLimitLayer::new(1))
        .service(Api::always(200));
    let other = one.clone();
    let user_information = Request::get("https://me:me@api.example.com/")
        .body(full(""))
        .unwrap();
    let refused = start(&mut one, user_information).await.await;
    assert!(matches!(refused, Err(hallpass_tower::Error::Credential(_))));
    // `one` is alive and idle.
    let served = tokio::time::timeout(Duration::from_secs(1), other.oneshot(get()));
    assert_eq!(served.await.unwrap().unwrap().status(), 200);
    assert_eq!(start(&mut one, get()).await.await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_returned_when_there_is_no_credential() {
    let issuer = Issuer::new();
    let layer = BearerLayer::new(Arc::clone(&issuer))
        .origins([API])
        .unwrap();
    let service = ServiceBuilder::new()
        .layer(layer)
        .layer(ConcurrencyLimitLayer::new(1))
        .service(Api::always(200));
    issuer.fails(Error::permanent("refused"));
    let mut one = service.clone();
    assert!(start(&mut one, get()).await.await.is_err());
    let mut elsewhere = get();
    *elsewhere.uri_mut() = "https://elsewhere.example/".parse().unwrap();
    let served = tokio::time::timeout(Duration::from_secs(1), service.oneshot(elsewhere));
    assert_eq!(served.await.unwrap().unwrap().status(), 200);
    drop(one);
}

#[tokio::test]
async fn over_a_buffer() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let mut service = ServiceBuilder::new()
        .layer(layer)
        .layer(BufferLayer::new(1))
        .service(api.clone());
    for _ in 0..3 {
        let response = service.ready().await.unwrap().call(get()).await;
        assert_eq!(response.unwrap().status(), 200);
    }
    assert_eq!(api.calls(), 4);
}

#[tokio::test]
async fn below_and_above_everything_that_boxes_its_errors() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let service = ServiceBuilder::new()
        .layer(BufferLayer::new(4))
        .layer(ConcurrencyLimitLayer::new(1))
        .layer(TimeoutLayer::new(Duration::from_secs(5)))
        .map_err(hallpass_tower::Error::<BoxError>::into_boxed)
        .layer(layer)
        .layer(BufferLayer::new(1))
        .layer(ConcurrencyLimitLayer::new(1))
        .layer(TimeoutLayer::new(Duration::from_secs(5)))
        .service(api.clone());
    let calls: Vec<_> = (0..10)
        .map(|_| tokio::spawn(service.clone().oneshot(post(full("x")))))
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_below_counts_each_sending_and_one_above_all_of_it() {
    let issuer = Issuer::new();
    let (layer, _) = warm(&issuer).await;
    issuer.takes(Duration::from_secs(4));
    let api = Api::accepting("token-2");
    api.takes(Duration::from_secs(4));
    let below = ServiceBuilder::new()
        .layer(layer.clone())
        .layer(TimeoutLayer::new(Duration::from_secs(5)))
        .service(api.clone());
    assert_eq!(below.oneshot(get()).await.unwrap().status(), 200);

    api.takes(Duration::from_secs(6));
    let below = ServiceBuilder::new()
        .map_err(hallpass_tower::Error::<BoxError>::into_boxed)
        .layer(layer.clone())
        .layer(TimeoutLayer::new(Duration::from_secs(5)))
        .service(api.clone());
    let error = below.oneshot(get()).await.unwrap_err();
    assert!(error.is::<tower::timeout::error::Elapsed>());

    let above = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_secs(5)))
        .layer(layer)
        .service(api);
    let error = above.oneshot(get()).await.unwrap_err();
    assert!(error.is::<tower::timeout::error::Elapsed>());
}

#[tokio::test]
async fn an_inner_service_that_fails_before_the_replay() {
    #[derive(Clone)]
    struct Dying(Api, Arc<std::sync::atomic::AtomicBool>);
    impl<B> Service<Request<B>> for Dying
    where
        Api: Service<Request<B>, Error = common::Broken>,
    {
        type Response = <Api as Service<Request<B>>>::Response;
        type Error = common::Broken;
        type Future = <Api as Service<Request<B>>>::Future;

        fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), common::Broken>> {
            if self.1.swap(true, std::sync::atomic::Ordering::SeqCst) {
                return Poll::Ready(Err(common::Broken("closed".to_owned())));
            }
            self.0.poll_ready(context)
        }

        fn call(&mut self, request: Request<B>) -> Self::Future {
            self.0.call(request)
        }
    }
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let service = layer.layer(Dying(api.clone(), Arc::default()));
    let error = service.oneshot(get()).await.unwrap_err();
    assert_eq!(error.into_inner().unwrap().0, "closed");
    assert_eq!(api.calls(), 1);
}

/// As large as a client with its settings, so that replays share a spare one.
#[derive(Clone)]
struct Large {
    api: Api,
    _settings: [u64; 16],
}

impl Large {
    fn new(api: &Api) -> Self {
        Self {
            api: api.clone(),
            _settings: [0; 16],
        }
    }
}

impl<R> Service<R> for Large
where
    Api: Service<R>,
{
    type Response = <Api as Service<R>>::Response;
    type Error = <Api as Service<R>>::Error;
    type Future = <Api as Service<R>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.api.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.api.call(request)
    }
}

#[tokio::test]
async fn the_spare_of_a_large_service_is_asked_before_each_replay() {
    let (layer, cached) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let mut service = layer.layer(Large::new(&api));
    let mut answers = vec![];
    for _ in 0..3 {
        answers.push(start(&mut service, get()).await);
    }
    api.puts_off(2);
    for answer in answers {
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    assert_eq!((api.calls(), cached.stats().replays), (6, 3));
}

#[tokio::test]
async fn a_large_service_that_was_changed_is_replayed_with_as_it_is_now() {
    let (layer, _) = warm(&Issuer::new()).await;
    let (before, after) = (Api::accepting("token-1"), Api::accepting("token-2"));
    let mut service = layer.layer(Large::new(&before));
    let answer = start(&mut service, get()).await;
    assert_eq!(answer.await.unwrap().status(), 200);
    service.get_mut().api = after.clone();
    let answer = start(&mut service, get()).await;
    assert_eq!(answer.await.unwrap().status(), 200);
    assert_eq!((before.calls(), after.calls()), (1, 2));
}
