//! object_store, whose clients are a trait of its own.

use std::fmt;

use async_trait::async_trait;
use hallpass_core::Authorizer;
use hallpass_hyper::Client;
use http_body_util::BodyExt as _;
use object_store::{
    ClientOptions, ObjectStoreExt as _,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
        HttpResponse, HttpResponseBody, HttpService,
    },
    http::HttpBuilder,
    path::Path,
};
use tower::ServiceExt as _;

use crate::stage::{Outcome, Stage};

#[derive(Clone)]
struct Bearer {
    authorizer: Authorizer,
    client: Client<HttpRequestBody>,
}

#[async_trait]
impl HttpService for Bearer {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let send = |request| self.client.clone().oneshot(request);
        let response = self.authorizer.run(request, send).await;
        let response = response.map_err(|error| HttpError::new(HttpErrorKind::Request, error))?;
        Ok(response.map(|body| {
            let failed = |error| HttpError::new(HttpErrorKind::Interrupted, error);
            HttpResponseBody::new(body.map_err(failed))
        }))
    }
}

impl HttpConnector for Bearer {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer").finish_non_exhaustive()
    }
}

pub(crate) async fn run(stage: &Stage) -> Outcome {
    let store = HttpBuilder::new()
        .with_url(stage.url())
        .with_client_options(ClientOptions::new().with_allow_http(true))
        .with_http_connector(Bearer {
            authorizer: Authorizer::new(stage.source()),
            client: hallpass_hyper::client()?,
        })
        .build()?;
    let path = Path::from("a");
    stage
        .drive(
            async || store.get(&path).await?.bytes().await.map(drop),
            async || store.put(&path, "content".into()).await.map(drop),
        )
        .await;
    Ok(())
}
