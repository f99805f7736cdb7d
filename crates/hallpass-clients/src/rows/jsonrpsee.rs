//! jsonrpsee over HTTP, which takes one type of body and of error.

use hallpass_core::BoxError;
use hallpass_tower::BearerLayer;
use jsonrpsee_core::{client::ClientT as _, http_helpers::HttpError, rpc_params};
use jsonrpsee_http_client::{HttpBody, HttpClientBuilder, transport::Error as TransportError};
use serde_json::Value;
use tower::ServiceBuilder;

use crate::{
    front::{front, json},
    stage::{Outcome, Stage},
};

pub(crate) async fn run(stage: &Stage) -> Outcome {
    let url = front(&stage.server, |_, body| {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let answer = serde_json::json!({"jsonrpc": "2.0", "id": request["id"], "result": 1});
        json(200, &answer.to_string())
    })
    .await?;
    let source = stage.source();
    let middleware = ServiceBuilder::new()
        .map_err(|error: BoxError| TransportError::Http(HttpError::Stream(error)))
        .layer(BearerLayer::new(source).keeping_type_with(HttpBody::new));
    let client = HttpClientBuilder::default()
        .set_http_middleware(middleware)
        .build(url)?;
    stage
        .drive(
            async || {
                client
                    .request::<u32, _>("height", rpc_params![])
                    .await
                    .map(drop)
            },
            async || {
                client
                    .request::<u32, _>("submit", rpc_params!["a"])
                    .await
                    .map(drop)
            },
        )
        .await;
    Ok(())
}
