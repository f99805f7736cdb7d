//! HTTP/2 connections that end between two requests, in the server's own words.

use hallpass_hyper::{Builder, HyperTransport};
use hallpass_oauth2::transport::Phase;

use crate::common::{
    LONG,
    frames::{GOAWAY, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM, RST_STREAM, frame, serve},
    phase, scripted, status,
};

async fn ending_with(end: Vec<u8>) -> (HyperTransport, String) {
    let address = scripted(move |_, stream| {
        let end = end.clone();
        async move {
            // Fails when the caller leaves.
            let _ = serve(stream, end).await;
        }
    })
    .await;
    let transport = Builder::new().http2_only().transport().unwrap();
    (transport, format!("http://{address}/token"))
}

#[tokio::test]
async fn a_request_that_was_not_looked_at_is_sent_once_more() {
    for end in [
        frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, NO_ERROR]),
        frame(RST_STREAM, 0, 3, &[0, 0, 0, REFUSED_STREAM]),
    ] {
        let (transport, url) = ending_with(end).await;
        assert_eq!(status(&transport, &url).await, 200);
        assert_eq!(status(&transport, &url).await, 200);
    }
}

#[tokio::test]
async fn a_request_that_failed_is_reported() {
    for end in [
        frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, INTERNAL_ERROR]),
        frame(RST_STREAM, 0, 3, &[0, 0, 0, INTERNAL_ERROR]),
    ] {
        let (transport, url) = ending_with(end).await;
        assert_eq!(status(&transport, &url).await, 200);
        assert_eq!(phase(&transport, &url, LONG).await, Phase::Exchange);
    }
}
