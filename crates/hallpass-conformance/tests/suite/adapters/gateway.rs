//! A gRPC server in front of the testkit's API, which decides everything: one truth for all.
//!
//! | the API answers | the caller gets |
//! |---|---|
//! | what a row of the table has written, marked with [`VERBATIM`] | just that head |
//! | 200 | a message, and `grpc-status: 0` in trailers |
//! | 200, with [`LATE`] | a message, and that status in trailers |
//! | 200, with [`AT_ONCE`] | that status in trailers, right after the head |
//! | a redirect | just that head |
//! | 401 | `grpc-status: 16` in the headers (trailers-only), as gRPC servers refuse |
//! | 403 | `grpc-status: 7`, likewise |
//!
//! Challenges and nonces for proofs of possession come along as metadata.

use std::convert::Infallible;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri,
    header::{CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::TcpListener;

use super::codec::framed;
use crate::{
    adapter::Front,
    case::{AT_ONCE, LATE, NONCE, VERBATIM},
};

type Api = Client<HttpConnector, Incoming>;
type Answer = Response<BoxBody<Bytes, Infallible>>;

const GRPC_STATUS: &str = "grpc-status";

pub(crate) async fn start(api: String) -> Front {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client: Api = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (client, api) = (client.clone(), api.clone());
            let service = service_fn(move |request| answer(client.clone(), api.clone(), request));
            let connection = http2::Builder::new(TokioExecutor::new())
                .max_concurrent_streams(4096)
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    Front {
        url,
        gateway: Some(task.abort_handle()),
    }
}

/// An error hangs up on the caller, as the API did.
async fn answer(
    client: Api,
    api: String,
    mut request: Request<Incoming>,
) -> Result<Answer, hyper_util::client::legacy::Error> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    *request.uri_mut() = format!("{api}{path}").parse::<Uri>().unwrap();
    let told = client.request(request).await?;
    let (parts, _) = told.into_parts();
    let mut headers = parts.headers;
    if headers.remove(VERBATIM).is_some() || parts.status.is_redirection() {
        let mut answer = Response::new(Full::default().boxed());
        *answer.status_mut() = parts.status;
        headers.remove(CONTENT_TYPE);
        headers.remove(CONTENT_LENGTH);
        *answer.headers_mut() = headers;
        return Ok(answer);
    }
    let mut answer = match parts.status {
        StatusCode::OK => match (headers.remove(AT_ONCE), headers.remove(LATE)) {
            (Some(code), _) => ended(code, None),
            (None, Some(code)) => ended(code, Some(b"done")),
            (None, None) => ended(HeaderValue::from_static("0"), Some(b"done")),
        },
        StatusCode::UNAUTHORIZED => trailers_only("16"),
        StatusCode::FORBIDDEN => trailers_only("7"),
        _ => trailers_only("14"),
    };
    for name in [WWW_AUTHENTICATE, HeaderName::from_static(NONCE)] {
        if let Some(value) = headers.remove(&name) {
            answer.headers_mut().insert(name, value);
        }
    }
    Ok(answer)
}

fn trailers_only(code: &'static str) -> Answer {
    let mut answer = Response::new(Full::default().boxed());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(GRPC_STATUS, HeaderValue::from_static(code));
    answer
}

/// After a message, if there is one.
fn ended(code: HeaderValue, message: Option<&[u8]>) -> Answer {
    let mut trailers = HeaderMap::new();
    trailers.insert(GRPC_STATUS, code);
    let message = message.map(|message| Frame::data(Bytes::from(framed(message))));
    let frames = message.into_iter().chain([Frame::trailers(trailers)]);
    let frames: Vec<_> = frames.map(Ok).collect();
    let body = StreamBody::new(tokio_stream::iter(frames));
    let mut answer = Response::new(BodyExt::boxed(body));
    let grpc = HeaderValue::from_static("application/grpc");
    answer.headers_mut().insert(CONTENT_TYPE, grpc);
    answer
}
