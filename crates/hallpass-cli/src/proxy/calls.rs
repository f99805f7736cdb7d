//! [`Calls`]: what of gRPC calls may be sent again. Between the layer and the client.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hallpass::{
    BoxError,
    core::adapter::Processed,
    tower::grpc::{Counted, Progress},
};
use http::{HeaderName, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body::Body;
use tower::Service;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Says of a gRPC call of more than one message that its server may have acted on it, so that a
/// refusal is handed to the caller and the call is not sent again.
#[derive(Debug, Clone)]
pub(super) struct Calls<S>(pub(super) S);

impl<S, B, R> Service<Request<B>> for Calls<S>
where
    S: Service<Request<Counted<B>>, Response = Response<R>>,
    S::Future: Send + 'static,
    B: Body<Data = bytes::Bytes>,
    B::Error: Into<BoxError>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let is_call = is_grpc(&request);
        let progress = Arc::<Progress>::default();
        let counted = request.map(|body| Counted::new(body, Arc::clone(&progress)));
        let sent = self.0.call(counted);
        Box::pin(async move {
            let mut response = sent.await?;
            // A gateway that refuses in HTTP's words has handed on nothing.
            let by_server =
                response.status() == StatusCode::OK || response.headers().contains_key(GRPC_STATUS);
            let is_safe = progress.is_one_message() || progress.is_nothing();
            if is_call && by_server && !is_safe {
                response.extensions_mut().insert(Processed);
            }
            Ok(response)
        })
    }
}

/// Whether a request is a gRPC call. `application/grpc-web` is made for HTTP/1.1 and none.
pub(super) fn is_grpc<B>(request: &Request<B>) -> bool {
    let kind = request.headers().get(CONTENT_TYPE);
    kind.and_then(|kind| kind.as_bytes().strip_prefix(b"application/grpc"))
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}
