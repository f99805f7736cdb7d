//! octocrab, with its own retry and cache around the credential.

use std::sync::Arc;

use hallpass_core::BoxError;
use hallpass_tower::BearerLayer;
use http_body_util::BodyExt as _;
use octocrab::{
    AuthState, OctoBody, OctocrabBuilder,
    service::middleware::{
        base_uri::BaseUriLayer,
        cache::{HttpCacheLayer, mem::InMemoryCache},
        retry::RetryConfig,
    },
};
use serde_json::{Value, json};
use tower::retry::RetryLayer;
use tower_http::map_response_body::MapResponseBodyLayer;

use crate::stage::{Outcome, Stage};

pub(crate) async fn run(stage: &Stage) -> Outcome {
    let (url, source) = (stage.url(), stage.source());
    let octocrab = OctocrabBuilder::new_empty()
        .with_service(hallpass_hyper::client()?)
        .with_layer(&BearerLayer::new(source).keeping_type())
        .with_layer(&RetryLayer::new(RetryConfig::Simple(3)))
        .with_layer(&MapResponseBodyLayer::new(|body| {
            OctoBody::new(body).boxed()
        }))
        .with_layer(&BaseUriLayer::new(url.parse()?))
        .with_layer(&HttpCacheLayer::new(Some(Arc::new(InMemoryCache::new()))))
        .with_auth(AuthState::None)
        .build()?;
    let new = json!({"title": "a", "body": "b"});
    stage
        .drive(
            async || octocrab.get::<Value, _, ()>("/user", None).await.map(drop),
            async || {
                octocrab
                    .post::<_, Value>("/issues", Some(&new))
                    .await
                    .map(drop)
            },
        )
        .await;
    // Its own retry goes on working above the credential.
    stage.server.api().respond_next(2, 503, &[], "");
    let retried = octocrab.post::<_, Value>("/issues", Some(&new)).await;
    retried.map_err(|error| BoxError::from(format!("not retried: {error}")))?;
    Ok(())
}
