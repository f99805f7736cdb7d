//! Requests that an HTTP/2 server has not looked at, and says so (RFC 9113 §6.8, §8.7).

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hallpass_hyper::{Builder, Client};
use hallpass_testkit::ClosedPort;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use crate::common::{
    SHORT,
    frames::{GOAWAY, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM, RST_STREAM, frame, serve},
    scripted,
};

fn unprocessed() -> [Vec<u8>; 2] {
    [
        frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, NO_ERROR]),
        frame(RST_STREAM, 0, 3, &[0, 0, 0, REFUSED_STREAM]),
    ]
}

/// A client with a connection whose next request is answered with `end`.
async fn before(end: Vec<u8>) -> (Client<Full<Bytes>>, String) {
    let address = scripted(move |_, stream| {
        let end = end.clone();
        async move {
            // Fails when the caller leaves.
            let _ = serve(stream, end).await;
        }
    })
    .await;
    let client = Builder::new().http2_only().client().unwrap();
    let url = format!("http://{address}/");
    let answer = client.clone().oneshot(get(&url)).await.unwrap();
    assert_eq!(answer.status(), 200);
    (client, url)
}

fn get(url: &str) -> Request<Full<Bytes>> {
    Request::get(url)
        .header("x-team", "blue")
        .body(Full::default())
        .unwrap()
}

#[tokio::test]
async fn one_without_a_body_is_sent_again() {
    for end in unprocessed() {
        let (client, url) = before(end).await;
        assert_eq!(client.oneshot(get(&url)).await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn one_with_a_body_is_sent_again_with_it() {
    for end in unprocessed() {
        let (client, url) = before(end).await;
        let request = Request::post(&url).body(Full::from("order")).unwrap();
        assert_eq!(client.oneshot(request).await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn one_that_may_have_been_processed_is_reported_and_not_sent_again() {
    for end in [
        // Its stream is among those that the server may have acted on.
        [
            frame(GOAWAY, 0, 0, &[0, 0, 0, 3, 0, 0, 0, NO_ERROR]),
            frame(RST_STREAM, 0, 3, &[0, 0, 0, INTERNAL_ERROR]),
        ]
        .concat(),
        frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, INTERNAL_ERROR]),
        frame(RST_STREAM, 0, 3, &[0, 0, 0, INTERNAL_ERROR]),
    ] {
        let (client, url) = before(end).await;
        let error = client.oneshot(get(&url)).await.unwrap_err();
        assert!(!error.is_unprocessed(), "{error:?}");
    }
}

#[tokio::test]
async fn no_connection_means_unprocessed() {
    let closed = ClosedPort::reserve();
    let url = format!("{}/", closed.url());
    let client = Builder::new().client().unwrap();
    let error = client.oneshot(get(&url)).await.unwrap_err();
    assert!(error.is_connect() && error.is_unprocessed());
}

#[tokio::test]
async fn a_server_that_refuses_every_stream_is_not_asked_for_ever() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let address = scripted(move |_, stream| {
        let count = Arc::clone(&count);
        async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                respond.send_reset(h2::Reason::REFUSED_STREAM);
            }
        }
    })
    .await;
    let client = Builder::new().http2_only().client().unwrap();
    let calling = client.oneshot(get(&format!("http://{address}/")));
    let error = tokio::time::timeout(20 * SHORT, calling).await.unwrap();
    assert!(error.unwrap_err().is_unprocessed());
    assert!((2..=10).contains(&asked.load(Ordering::SeqCst)));
}

/// Serves fifty streams on each connection, goes away, and leaves the rest unanswered. Answers with
/// the body that it got.
fn fifty(stream: TcpStream) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        // With a small window frames are cut to crumbs, which the server takes for an attack.
        let mut builder = h2::server::Builder::new();
        builder.initial_connection_window_size(1 << 22);
        let mut connection = builder.handshake::<_, Bytes>(stream).await.unwrap();
        let mut served = 0;
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            served += 1;
            tokio::spawn(async move {
                let mut body = request.into_body();
                let mut whole = Vec::new();
                while let Some(Ok(data)) = body.data().await {
                    let _ = body.flow_control().release_capacity(data.len());
                    whole.extend_from_slice(&data);
                }
                let answer = Response::builder().status(200).body(()).unwrap();
                if let Ok(mut answer) = respond.send_response(answer, false) {
                    let _ = answer.send_data(Bytes::from(whole), true);
                }
            });
            if served == 50 {
                connection.graceful_shutdown();
            }
        }
        // A socket that is closed while frames of the rest lie unread resets what it has answered.
        std::future::pending::<()>().await;
    })
}

// hyper hands each request to HTTP/2 before its stream is open, one at a time. If it learns at that
// moment that the connection ends, it drops the request with "runtime dropped the dispatch task",
// whether or not its head has been written by then. It says the same of requests that were written
// long ago, so that this proves nothing: such a request is not sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_limits_requests_per_connection_costs_one_at_most_each_time() {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let address = scripted(move |_, stream| {
        count.fetch_add(1, Ordering::SeqCst);
        fifty(stream)
    })
    .await;
    let client = Builder::new().http2_only().client().unwrap();
    let url = format!("http://{address}/");
    let mut lost = 0;
    for round in 0..3 {
        let call = |number: usize| {
            let client = client.clone();
            let url = url.clone();
            tokio::spawn(async move {
                // Without a body, with one, and with one in several pieces.
                let body = vec![number as u8; [0, 500, 5000][number % 3]];
                let pieces: Vec<_> = body.chunks(2500).map(Bytes::copy_from_slice).collect();
                let pieces = pieces.into_iter().map(|piece| Ok(Frame::data(piece)));
                let frames = Pieces(pieces.collect());
                let request = Request::post(url).body(frames).unwrap();
                let answer = client.oneshot(request).await?;
                assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), body);
                Ok(())
            })
        };
        let calls: Vec<_> = (0..300).map(|number| call(number + round)).collect();
        for call in calls {
            lost += lost_at_the_handover(call.await.unwrap());
        }
    }
    let connections = connections.load(Ordering::SeqCst);
    assert!(
        lost <= connections,
        "{lost} lost, {connections} connections"
    );
}

/// 1 for a request that hyper dropped; any other failure is one too many.
fn lost_at_the_handover(outcome: Result<(), hallpass_hyper::Error>) -> usize {
    let Err(error) = outcome else { return 0 };
    let text = format!("{error:?}");
    assert!(text.contains("DispatchGone"), "{text}");
    assert!(!error.is_unprocessed());
    1
}

/// Takes one stream at a time on the first connection and goes away while it waits for its answer;
/// serves everything on the others. Notes what it is asked.
async fn one_stream(number: u64, stream: TcpStream, asked: Arc<Mutex<Vec<String>>>) {
    let mut builder = h2::server::Builder::new();
    if number == 1 {
        builder.max_concurrent_streams(1);
    }
    let mut connection = builder.handshake::<_, Bytes>(stream).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let path = request.uri().path().to_owned();
        asked.lock().unwrap().push(path.clone());
        let pause = if number == 1 && path != "/known" {
            connection.graceful_shutdown();
            SHORT
        } else {
            Duration::ZERO
        };
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            // Fails when the caller leaves.
            let _ = respond.send_response(Response::new(()), true);
        });
    }
}

#[tokio::test]
async fn one_at_most_of_those_that_wait_for_a_stream_is_lost_and_none_is_sent_twice() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    let address =
        scripted(move |number, stream| one_stream(number, stream, Arc::clone(&notes))).await;
    let client = Builder::new().http2_only().client().unwrap();
    let call = |path: String| {
        let request = Request::post(format!("http://{address}{path}"));
        let request = request.body(Full::<Bytes>::from("order")).unwrap();
        tokio::spawn(client.clone().oneshot(request))
    };
    // From now on the client knows the server's limit.
    call("/known".into()).await.unwrap().unwrap();
    let calls: Vec<_> = (0..8).map(|number| call(format!("/{number}"))).collect();
    let mut lost = 0;
    for call in calls {
        lost += lost_at_the_handover(call.await.unwrap().map(drop));
    }
    assert!(lost <= 1, "{lost} lost");
    let mut asked = asked.lock().unwrap().clone();
    let all = asked.len();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), all, "some were sent twice");
    assert!(all >= 9 - lost, "{asked:?}");
}

/// Frames that are there.
struct Pieces(VecDeque<Result<Frame<Bytes>, Infallible>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front())
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}
