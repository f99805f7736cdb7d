//! Crates that give a header and no client: hyper-util's sends.

use std::future::Future;

use bytes::Bytes;
use hallpass_benches::trouble::{BoxError, Client, client, tower};
use http::{HeaderValue, Request, StatusCode, header::AUTHORIZATION};
use http_body_util::Full;
use hyper_util::{client::legacy, rt::TokioExecutor};

/// Asks for the header before each call, and tells of a header that was refused.
pub(super) fn asking<F, A, R>(header: F, refused: R) -> Client
where
    F: Fn() -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<HeaderValue, BoxError>> + Send,
    R: Fn(&HeaderValue) + Clone + Send + Sync + 'static,
{
    let http: legacy::Client<_, Full<Bytes>> =
        legacy::Client::builder(TokioExecutor::new()).build_http();
    let send = tower(http);
    client(move |mut request: Request<Bytes>| {
        let (header, refused, send) = (header.clone(), refused.clone(), send.clone());
        async move {
            let value = header().await?;
            request.headers_mut().insert(AUTHORIZATION, value.clone());
            let status = send(request).await?;
            if status == StatusCode::UNAUTHORIZED {
                refused(&value);
            }
            Ok(status)
        }
    })
}
