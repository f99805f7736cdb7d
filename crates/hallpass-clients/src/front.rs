//! A server that answers as a client's protocol wants it, and lets the test's server decide who may
//! pass.

use std::future::IntoFuture as _;

use axum::{Router, body::Body};
use bytes::Bytes;
use hallpass_core::BoxError;
use hallpass_hyper::Client;
use hallpass_testkit::Server;
use http::{Request, Response, StatusCode, header::AUTHORIZATION, request::Parts};
use http_body_util::{BodyExt as _, Full};
use tower::ServiceExt as _;

/// Asks the test's server whether a request may pass.
#[derive(Clone)]
pub(crate) struct Guard {
    client: Client<Full<Bytes>>,
    url: String,
}

impl Guard {
    pub(crate) fn of(server: &Server) -> Result<Self, BoxError> {
        Ok(Self {
            client: hallpass_hyper::Builder::new().client()?,
            url: server.url(),
        })
    }

    /// The refusal, or none.
    pub(crate) async fn refusal(&self, head: &Parts, body: Bytes) -> Option<Response<Body>> {
        match self.judge(head, body).await {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(response),
            Err(error) => Some(failed(error)),
        }
    }

    async fn judge(&self, head: &Parts, body: Bytes) -> Result<Response<Body>, BoxError> {
        let mut request = Request::builder().method(head.method.clone()).uri(format!(
            "{}{}",
            self.url,
            head.uri.path()
        ));
        for value in head.headers.get_all(AUTHORIZATION) {
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(Full::new(body))?;
        let (head, body) = self.client.clone().oneshot(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Response::from_parts(head, Body::from(body)))
    }
}

/// Serves this for requests that may pass, and returns the URL.
pub(crate) async fn front(
    server: &Server,
    answer: fn(&Parts, &[u8]) -> Response<Body>,
) -> Result<String, BoxError> {
    let guard = Guard::of(server)?;
    let handler = move |request: Request<Body>| async move {
        let (head, body) = request.into_parts();
        let body = match axum::body::to_bytes(body, usize::MAX).await {
            Ok(body) => body,
            Err(error) => return failed(error.into()),
        };
        match guard.refusal(&head, body.clone()).await {
            Some(refusal) => refusal,
            None => answer(&head, &body),
        }
    };
    serve(Router::new().fallback(handler)).await
}

pub(crate) async fn serve(router: Router) -> Result<String, BoxError> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok(url)
}

/// An answer of JSON.
pub(crate) fn json(status: u16, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", json);
    response
}

pub(crate) fn failed(error: BoxError) -> Response<Body> {
    let mut response = Response::new(Body::from(error.to_string()));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}
