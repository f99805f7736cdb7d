//! The exporter of OpenTelemetry, from the thread that it batches on, which has no tokio.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use hallpass_core::{Authorizer, BoxError};
use hallpass_hyper::Client;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{
    SpanExporter, WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::{runtime::Handle, task::spawn_blocking};
use tonic::transport::Endpoint;
use tower::ServiceExt as _;

use crate::{
    grpc,
    stage::{Outcome, Stage},
};

pub(crate) async fn grpc(stage: &Stage) -> Outcome {
    let url = grpc::grpc(&stage.server, |_, _| vec![Vec::new()]).await?;
    let (endpoint, source) = (Endpoint::from_shared(url)?, stage.source());
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_channel(hallpass_tonic::bearer(endpoint, source).into_channel())
        .build()?;
    exports(stage, exporter).await
}

pub(crate) async fn http(stage: &Stage) -> Outcome {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", stage.url()))
        .with_http_client(Bearer {
            authorizer: Authorizer::new(stage.source()),
            client: hallpass_hyper::client()?,
            runtime: Handle::current(),
        })
        .build()?;
    exports(stage, exporter).await
}

struct Bearer {
    authorizer: Authorizer,
    client: Client<Full<Bytes>>,
    /// The exporter calls from a thread of its own.
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Bearer {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (authorizer, client) = (self.authorizer.clone(), self.client.clone());
        let call = async move {
            let send = |request: Request<Bytes>| client.clone().oneshot(request.map(Full::new));
            let (head, body) = authorizer.run(request, send).await?.into_parts();
            Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
        };
        self.runtime.spawn(call).await?
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer").finish_non_exhaustive()
    }
}

/// Every export is a POST.
async fn exports(stage: &Stage, exporter: SpanExporter) -> Outcome {
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .build();
    let tracer = provider.tracer("test");
    let export = async || {
        tracer.start("span");
        let provider = provider.clone();
        spawn_blocking(move || provider.force_flush()).await??;
        Ok::<_, BoxError>(())
    };
    stage.drive(&export, &export).await;
    Ok(())
}
