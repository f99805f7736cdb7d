//! A gRPC server that answers every message with some of its own, and lets the test's server decide
//! who may pass.

use axum::{Router, body::Body};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures_util::stream::poll_fn;
use hallpass_core::BoxError;
use hallpass_testkit::Server;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::front::{Guard, serve};

const UNAUTHENTICATED: HeaderValue = HeaderValue::from_static("16");
const OK: HeaderValue = HeaderValue::from_static("0");

type Answers = fn(path: &str, message: &[u8]) -> Vec<Vec<u8>>;

/// Serves calls of any kind, and returns the URL.
pub(crate) async fn grpc(server: &Server, answers: Answers) -> Result<String, BoxError> {
    let guard = Guard::of(server)?;
    let handler = move |request: Request<Body>| async move {
        let (head, body) = request.into_parts();
        let mut response = Response::new(Body::empty());
        let grpc = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert("content-type", grpc);
        // Before a message was read: a refusal comes at once, and nothing was done.
        if guard.refusal(&head, Bytes::new()).await.is_some() {
            response
                .headers_mut()
                .insert("grpc-status", UNAUTHENTICATED);
            return response;
        }
        let (sender, mut receiver) = unbounded_channel();
        tokio::spawn(converse(head.uri.path().to_owned(), body, answers, sender));
        let frames = poll_fn(move |context| receiver.poll_recv(context));
        response.map(|_| Body::new(StreamBody::new(frames)))
    };
    serve(Router::new().fallback(handler)).await
}

async fn converse(
    path: String,
    mut body: Body,
    answers: Answers,
    sender: UnboundedSender<Result<Frame<Bytes>, BoxError>>,
) {
    let mut read = BytesMut::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            read.extend_from_slice(&data);
        }
        while let Some(message) = next(&mut read) {
            for answer in answers(&path, &message) {
                let sent = sender.send(Ok(Frame::data(framed(&answer))));
                if sent.is_err() {
                    return;
                }
            }
        }
    }
    let trailers = HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), OK)]);
    drop(sender.send(Ok(Frame::trailers(trailers))));
}

/// The next message, if it is whole.
fn next(read: &mut BytesMut) -> Option<Bytes> {
    let length = read.get(1..5)?.try_into().map(u32::from_be_bytes).ok()? as usize;
    if read.len() < 5 + length {
        return None;
    }
    read.advance(5);
    Some(read.split_to(length).freeze())
}

fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or_default());
    frame.extend_from_slice(message);
    frame.freeze()
}
