//! axum as a reverse proxy that signs in on behalf of its callers.

use axum::{Router, body::Body, extract::Request, response::Response};
use bytes::Bytes;
use hallpass_core::BoxError;
use hallpass_tower::BearerLayer;
use http::header::{AUTHORIZATION, HOST};
use http_body_util::Full;
use tower::{Layer as _, ServiceExt as _};

use crate::{
    front::{failed, serve},
    stage::{Outcome, Stage},
};

pub(crate) async fn run(stage: &Stage) -> Outcome {
    let (upstream, source) = (stage.url(), stage.source());
    let client = BearerLayer::new(source).layer(hallpass_hyper::client()?);
    let proxy = move |mut request: Request| async move {
        let target = format!("{upstream}{}", request.uri()).parse();
        let Ok(target) = target else {
            return failed("no such path");
        };
        *request.uri_mut() = target;
        request.headers_mut().remove(HOST);
        request.headers_mut().remove(AUTHORIZATION);
        match client.oneshot(request).await {
            Ok(response) => response.map(Body::new),
            Err(error) => failed(error),
        }
    };
    let url = serve(Router::new().fallback(proxy)).await?;
    let caller = hallpass_hyper::client()?;
    let call = async |method: http::Method| {
        let body = Full::new(Bytes::from_static(if method == "POST" {
            b"b"
        } else {
            b""
        }));
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{url}/a?b=c"));
        let response: Response<_> = caller.clone().oneshot(request.body(body)?).await?;
        match response.status().as_u16() {
            200 => Ok(()),
            status => Err(BoxError::from(format!("status {status}"))),
        }
    };
    stage
        .drive(
            async || call(http::Method::GET).await,
            async || call(http::Method::POST).await,
        )
        .await;
    Ok(())
}
