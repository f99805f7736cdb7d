//! HTTP/2 connections that end between two requests, in the server's own words.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{LONG, phase, scripted, status};
use hallpass_hyper::{Builder, HyperTransport};
use hallpass_oauth2::transport::Phase;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const NO_ERROR: u8 = 0;
const INTERNAL_ERROR: u8 = 2;
const REFUSED_STREAM: u8 = 7;

/// A frame with a short payload (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream];
    frame.extend_from_slice(payload);
    frame
}

/// Answers the first request of each connection with 200, and the second with `end`.
async fn serve(mut stream: TcpStream, end: Vec<u8>) -> std::io::Result<()> {
    let mut preface = [0; PREFACE];
    stream.read_exact(&mut preface).await?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize]).await?;
        match (head[3], head[4], head[8]) {
            (SETTINGS, 0, _) => stream.write_all(&frame(SETTINGS, 1, 0, &[])).await?,
            // END_STREAM and END_HEADERS; 0x88 is `:status: 200`.
            (HEADERS, _, 1) => stream.write_all(&frame(HEADERS, 5, 1, &[0x88])).await?,
            (HEADERS, _, 3) => stream.write_all(&end).await?,
            _ => {}
        }
    }
}

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
