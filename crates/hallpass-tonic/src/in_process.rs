//! A [`BearerChannel`] for those who take nothing else than a [`Channel`], or a boxed service.

use std::{convert::Infallible, future::poll_fn, io};

use bytes::Bytes;
use hallpass_core::BoxError;
use http::{Request, Response, Uri};
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::duplex;
use tonic::{
    Status,
    body::Body,
    transport::{Channel, Endpoint},
};
use tower::util::{BoxCloneSyncService, ServiceExt as _};
use tower_service::Service;

use crate::{BearerChannel, ResponseBody};

/// How much is under way within the process before its writer waits: a few frames.
const IN_FLIGHT: usize = 64 * 1024;

/// Servers set limits to headers; this is between two halves of one program.
const HEADERS: u32 = 16 * 1024 * 1024;

impl<S, M, R> BearerChannel<S, M>
where
    Self: Service<Request<Body>, Response = Response<ResponseBody<R>>, Error = Status>,
    Self: Clone + Send + Sync + 'static,
    <Self as Service<Request<Body>>>::Future: Send,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError> + Send,
{
    /// A [`Channel`](https://docs.rs/tonic/latest/tonic/transport/struct.Channel.html), for SDKs whose clients take that and no other service.
    ///
    /// Its calls reach this one through an HTTP/2 connection within the process, which costs each a
    /// few copies and turns of the runtime. What a request has in its extensions does not come
    /// through, such as [`NoCredential`](hallpass_core::NoCredential), nor does the source of a
    /// status.
    ///
    /// # Panics
    /// Outside a tokio runtime, as [`Endpoint::connect_lazy`](https://docs.rs/tonic/latest/tonic/transport/struct.Endpoint.html#method.connect_lazy) does.
    pub fn into_channel(self) -> Channel {
        let connector = tower::service_fn(move |_: Uri| {
            let channel = self.clone();
            async move {
                let (client, server) = duplex(IN_FLIGHT);
                tokio::spawn(serve(server, channel));
                Ok::<_, io::Error>(TokioIo::new(client))
            }
        });
        Endpoint::from_static("http://in.process").connect_with_connector_lazy(connector)
    }

    /// One type for whatever it is made of, for clients whose service has a fixed response and error.
    pub fn boxed(self) -> BoxCloneSyncService<Request<Body>, Response<Body>, BoxError> {
        BoxCloneSyncService::new(
            self.map_response(|response| response.map(Body::new))
                .map_err(BoxError::from),
        )
    }
}

/// Until the other end is gone.
async fn serve<S, R>(stream: tokio::io::DuplexStream, channel: S)
where
    S: Service<Request<Body>, Response = Response<ResponseBody<R>>, Error = Status>,
    S: Clone + Send + 'static,
    S::Future: Send,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError> + Send,
{
    let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
        let answer = forward(channel.clone(), request.map(Body::new));
        async { Ok::<_, Infallible>(answer.await.unwrap_or_else(Status::into_http)) }
    });
    let mut server = http2::Builder::new(TokioExecutor::new());
    server
        .auto_date_header(false)
        .max_concurrent_streams(None)
        .max_header_list_size(HEADERS);
    // It ends with the channel; each call has its own error.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn forward<S, R>(mut channel: S, mut request: Request<Body>) -> Result<Response<Body>, Status>
where
    S: Service<Request<Body>, Response = Response<ResponseBody<R>>, Error = Status>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError> + Send,
{
    // The address of the connection within the process is nobody's.
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
    poll_fn(|context| channel.poll_ready(context)).await?;
    let response = channel.call(request).await?;
    Ok(response.map(Body::new))
}
