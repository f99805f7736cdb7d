//! meilisearch-sdk, whose client is a trait of its own.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{AsyncRead, AsyncReadExt as _};
use hallpass_core::Authorizer;
use hallpass_hyper::Client;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use meilisearch_sdk::{
    errors::Error,
    request::{HttpClient, Method, parse_response},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tower::ServiceExt as _;

use crate::{
    front::{front, json},
    stage::{Outcome, Stage},
};

#[derive(Clone)]
struct Bearer {
    authorizer: Authorizer,
    client: Client<Full<Bytes>>,
}

#[async_trait]
impl HttpClient for Bearer {
    async fn stream_request<
        Query: Serialize + Send + Sync,
        Body: AsyncRead + Send + Sync + 'static,
        Output: DeserializeOwned + 'static,
    >(
        &self,
        url: &str,
        method: Method<Query, Body>,
        content_type: &str,
        expected: u16,
    ) -> Result<Output, Error> {
        let verb = match &method {
            Method::Get { .. } => http::Method::GET,
            Method::Post { .. } => http::Method::POST,
            Method::Patch { .. } => http::Method::PATCH,
            Method::Put { .. } => http::Method::PUT,
            Method::Delete { .. } => http::Method::DELETE,
        };
        let query = yaup::to_string(method.query())?;
        let mut bytes = Vec::new();
        if let Some(body) = method.into_body() {
            let mut body = Box::pin(body);
            body.read_to_end(&mut bytes).await.map_err(other)?;
        }
        let request = Request::builder()
            .method(verb)
            .uri(format!("{url}{query}"))
            .header("content-type", content_type)
            .body(Full::new(Bytes::from(bytes)))
            .map_err(other)?;
        let send = |request| self.client.clone().oneshot(request);
        let response = self.authorizer.run(request, send).await.map_err(other)?;
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(other)?
            .to_bytes();
        let body = String::from_utf8_lossy(&body);
        parse_response(status, expected, &body, url.to_owned())
    }
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Other(Box::new(error))
}

pub(crate) async fn run(stage: &Stage) -> Outcome {
    const TASK: &str = r#"{"taskUid":1,"indexUid":"a","status":"enqueued","type":"documentAdditionOrUpdate","enqueuedAt":"2026-01-01T00:00:00Z"}"#;
    let url = front(&stage.server, |head, _| match head.uri.path() {
        "/health" => json(200, r#"{"status":"available"}"#),
        _ => json(202, TASK),
    })
    .await?;
    let client = Bearer {
        authorizer: Authorizer::new(stage.source()),
        client: hallpass_hyper::client()?,
    };
    let client = meilisearch_sdk::client::Client::new_with_client(url, None::<String>, client);
    let index = client.index("a");
    let documents = [json!({"id": 1})];
    stage
        .drive(
            async || client.health().await.map(drop),
            async || index.add_documents(&documents, None).await.map(drop),
        )
        .await;
    Ok(())
}
