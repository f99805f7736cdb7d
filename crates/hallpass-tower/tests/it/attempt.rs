//! What an answer tells of its request's credential.

use std::{sync::Arc, time::Duration};

use hallpass_core::Attempt;
use hallpass_tower::{BearerLayer, BearerService};
use http::Request;
use http_body::Body;
use tower::{Layer as _, ServiceExt as _};

use crate::common::{self, API, Api, Issuer, get, warm};

/// Generation, waited, replayed.
async fn attempt<B>(service: &BearerService<Api>, request: Request<B>) -> Option<(u64, bool, bool)>
where
    B: Body<Data = bytes::Bytes> + Send + Unpin + 'static,
    B::Error: Into<hallpass_core::BoxError>,
{
    let response = service.clone().oneshot(request).await.unwrap();
    let attempt = response.extensions().get::<Attempt>()?;
    Some((attempt.generation, attempt.waited, attempt.replayed))
}

#[tokio::test]
async fn nothing_to_tell_of_a_plain_request() {
    let (layer, _) = warm(&Issuer::new()).await;
    assert_eq!(attempt(&layer.layer(Api::always(200)), get()).await, None);
}

#[tokio::test]
async fn unless_it_is_asked_for() {
    let (layer, _) = warm(&Issuer::new()).await;
    let service = layer.report_attempts().layer(Api::always(200));
    assert_eq!(attempt(&service, get()).await, Some((1, false, false)));
    // Another origin's answers are none of ours.
    let elsewhere = Request::get("https://elsewhere.example/");
    let elsewhere = elsewhere.body(common::full("")).unwrap();
    assert_eq!(attempt(&service, elsewhere).await, None);
}

#[tokio::test]
async fn a_request_that_waited() {
    let service = BearerLayer::new(Issuer::new()).layer(Api::always(200));
    assert_eq!(attempt(&service, get()).await, Some((1, true, false)));
    assert_eq!(attempt(&service, get()).await, None);
}

#[tokio::test]
async fn a_request_that_was_replayed() {
    let (layer, _) = warm(&Issuer::new()).await;
    let service = layer.layer(Api::accepting("token-2"));
    assert_eq!(attempt(&service, get()).await, Some((2, true, true)));
    assert_eq!(attempt(&service, get()).await, None);
}

#[tokio::test]
async fn a_request_that_waited_and_was_replayed() {
    let layer = BearerLayer::new(Issuer::new()).origins([API]).unwrap();
    let service = layer.layer(Api::accepting("token-2"));
    assert_eq!(attempt(&service, get()).await, Some((2, true, true)));
}

#[tokio::test]
async fn a_replay_that_was_refused_and_the_calls_after_it() {
    let (layer, _) = warm(&Issuer::new()).await;
    let service = layer.layer(Api::always(401));
    assert_eq!(attempt(&service, get()).await, Some((2, true, true)));
    assert_eq!(attempt(&service, get()).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_did_not_wait() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let service = layer.layer(api.clone());
    api.takes(Duration::from_secs(5));
    let late = service.clone();
    let late = tokio::spawn(async move { attempt(&late, get()).await });
    tokio::task::yield_now().await;
    api.takes(Duration::ZERO);
    assert_eq!(attempt(&service, get()).await, Some((2, true, true)));
    assert_eq!(late.await.unwrap(), Some((2, false, true)));
}

#[tokio::test]
async fn without_replay_there_is_only_the_wait_to_tell_of() {
    let issuer = Issuer::new();
    let layer = BearerLayer::new(Arc::clone(&issuer)).without_replay();
    let service = layer.layer(Api::always(401));
    for expected in [Some(true), Some(true), None] {
        let response = service.clone().oneshot(get()).await.unwrap();
        let attempt = response.extensions().get::<Attempt>();
        assert_eq!(attempt.map(|attempt| attempt.waited), expected);
        assert!(attempt.is_none_or(|attempt| !attempt.replayed));
    }
}
