//! What a call for gRPC has sent, as far as its replay depends on it.

use std::sync::Arc;

use bytes::Bytes;
use hallpass_tower::grpc::{Counted, Progress};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};

/// One message of three bytes, behind its prefix.
const MESSAGE: &[u8] = b"\0\0\0\0\x03abc";

#[tokio::test]
async fn a_body_tells_what_was_sent_of_it_and_keeps_its_size() {
    let progress = Arc::new(Progress::default());
    let mut body = Counted::new(Full::new(Bytes::from_static(MESSAGE)), progress.clone());
    assert_eq!(body.size_hint().exact(), Some(MESSAGE.len() as u64));
    assert!(progress.is_nothing() && !progress.is_one_message());
    body.frame().await.unwrap().unwrap();
    assert!(!progress.is_nothing() && progress.is_one_message());
    assert!(body.is_end_stream());
}

#[tokio::test]
async fn more_than_one_message_is_neither_nothing_nor_one() {
    let progress = Arc::new(Progress::default());
    let two = Bytes::from([MESSAGE, MESSAGE].concat());
    let body = Counted::new(Full::new(two), progress.clone());
    body.collect().await.unwrap();
    assert!(!progress.is_nothing() && !progress.is_one_message());
}
