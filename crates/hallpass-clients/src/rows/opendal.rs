//! opendal, whose transport is a trait of its own.

use bytes::Bytes;
use futures_util::stream;
use hallpass_core::{Authorizer, BoxError};
use hallpass_hyper::Client;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use opendal::{
    Buffer, Error, ErrorKind, HttpBody, HttpTransport, HttpTransporter, OperationContext, Operator,
    services::Webdav,
};
use tower::ServiceExt as _;

use crate::stage::{Outcome, Stage};

struct Bearer {
    authorizer: Authorizer,
    client: Client<Full<Bytes>>,
}

impl HttpTransport for Bearer {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        let send = |request: Request<Buffer>| {
            let request = request.map(|body| Full::new(body.to_bytes()));
            self.client.clone().oneshot(request)
        };
        let failed = |error: BoxError| Error::new(ErrorKind::Unexpected, error.to_string());
        let response = self.authorizer.run(request, send).await;
        let (head, body) = response.map_err(|error| failed(error.into()))?.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|error| failed(error.into()))?
            .to_bytes();
        let length = body.len() as u64;
        let body = stream::iter([Ok(Buffer::from(body))]);
        Ok(Response::from_parts(
            head,
            HttpBody::new(body, Some(length)),
        ))
    }
}

pub(crate) async fn run(stage: &Stage) -> Outcome {
    let transport = HttpTransporter::new(Bearer {
        authorizer: Authorizer::new(stage.source()),
        client: hallpass_hyper::client()?,
    });
    let service = Webdav::default()
        .endpoint(&stage.url())
        .disable_create_dir(true);
    let context = OperationContext::new().with_http_transport(transport);
    let operator = Operator::new(service)?.with_context(context);
    stage
        .drive(
            async || operator.read("a").await.map(drop),
            async || operator.write("a", "content").await.map(drop),
        )
        .await;
    Ok(())
}
