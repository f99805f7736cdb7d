//! A server that refuses the credential before it has read the whole body.

use std::{pin::Pin, sync::Arc, task::Poll, time::Duration};

use bytes::Bytes;
use hallpass_core::{Attempt, BoxError};
use hallpass_tower::{Error, REPLAY_LIMIT, ReplayBody};
use http::Response;
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use tokio::task::JoinHandle;
use tokio_test::{assert_pending, task};
use tower::{Layer as _, ServiceExt as _};

use crate::common::{Broken, Desk, Feed, Frames, Held, Issuer, poll_frame, post, warm};

type Answer = Result<Response<Full<Bytes>>, Error<Broken>>;

/// Sends this body with a credential in hand, to a server that the test plays.
async fn sending<B>(body: B, limit: usize) -> (JoinHandle<Answer>, Desk<ReplayBody<B>>, Arc<Issuer>)
where
    B: Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static,
{
    let issuer = Issuer::new();
    let (layer, _) = warm(&issuer).await;
    let (held, desk) = Held::new();
    let service = layer.replay_limit(limit).layer(held);
    (tokio::spawn(service.oneshot(post(body))), desk, issuer)
}

/// The next piece of data, which is there.
fn data<B: Body<Data = Bytes, Error = BoxError> + Unpin>(body: &mut B) -> Bytes {
    match poll_frame(body) {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap(),
        _ => panic!("no data"),
    }
}

fn assert_stale<B: Body<Data = Bytes, Error = BoxError> + Unpin>(body: &mut B) {
    assert!(!body.is_end_stream(), "cut short and says it is complete");
    match poll_frame(body) {
        Poll::Ready(Some(Err(error))) => assert!(error.to_string().contains("replayed")),
        _ => panic!("a stale sending goes on"),
    }
    assert!(!body.is_end_stream());
}

#[tokio::test]
async fn the_replay_sends_what_was_kept_and_goes_on_with_the_rest() {
    let body = Frames::many(4, 10).sized().trailer("x-end", "yes");
    let bytes = body.bytes();
    let (answer, mut desk, _) = sending(body, REPLAY_LIMIT).await;
    let (mut first, due) = desk.next().await;
    assert_eq!(first.size_hint().exact(), Some(40));
    assert_eq!([data(&mut first), data(&mut first)].concat(), bytes[..20]);
    assert_eq!(first.size_hint().exact(), Some(20));
    due.answer(401);

    let (mut again, due) = desk.next().await;
    assert_stale(&mut first);
    drop(first);
    assert_eq!(again.size_hint().exact(), Some(40));
    for left in [30, 20, 10] {
        data(&mut again);
        assert_eq!(again.size_hint().exact(), Some(left));
        assert!(!again.is_end_stream());
    }
    let rest = again.collect().await.unwrap();
    assert_eq!(rest.trailers().unwrap()["x-end"], "yes");
    assert_eq!(rest.to_bytes(), bytes[30..]);
    due.answer(200);
    assert_eq!(answer.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn a_server_that_reads_nothing_gets_everything_the_second_time() {
    // Even of a body that is longer than the limit: nothing of it is lost yet.
    let body = Frames::many(64, 4096);
    let bytes = body.bytes();
    let (answer, mut desk, _) = sending(body, 8192).await;
    let (mut first, due) = desk.next().await;
    due.answer(401);
    let (mut again, due) = desk.next().await;
    assert_stale(&mut first);
    let mut all = vec![data(&mut again), data(&mut again), data(&mut again)];
    // The second sending is past the limit; the first must not take that for its own end.
    assert_stale(&mut first);
    while !again.is_end_stream() {
        all.push(data(&mut again));
        assert_stale(&mut first);
    }
    assert_eq!(all.concat(), bytes);
    due.answer(200);
    assert_eq!(answer.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn a_first_sending_that_waits_for_data_is_woken_to_fail() {
    let (feed, body) = Feed::new();
    let (answer, mut desk, _) = sending(body, REPLAY_LIMIT).await;
    let (mut first, due) = desk.next().await;
    feed.send(Bytes::from_static(b"one")).unwrap();
    assert_eq!(data(&mut first), "one");
    let mut connection = task::spawn(());
    let polled = connection.enter(|context, _| Pin::new(&mut first).poll_frame(context));
    assert_pending!(polled);
    due.answer(401);

    let (mut again, due) = desk.next().await;
    assert!(connection.is_woken(), "or its connection waits for ever");
    assert_stale(&mut first);
    assert_eq!(data(&mut again), "one");
    let mut connection = task::spawn(());
    let polled = connection.enter(|context, _| Pin::new(&mut again).poll_frame(context));
    assert_pending!(polled);
    assert_stale(&mut first);
    assert!(!connection.is_woken());
    feed.send(Bytes::from_static(b"two")).unwrap();
    assert!(connection.is_woken());
    assert_eq!(data(&mut again), "two");
    drop(feed);
    assert!(matches!(poll_frame(&mut again), Poll::Ready(None)));
    assert!(again.is_end_stream());
    due.answer(200);
    assert_eq!(answer.await.unwrap().unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn what_leaves_during_the_renewal_is_kept_too() {
    let (feed, body) = Feed::new();
    let (answer, mut desk, issuer) = sending(body, REPLAY_LIMIT).await;
    issuer.takes(Duration::from_secs(3));
    let (mut first, due) = desk.next().await;
    for piece in ["a", "b"] {
        feed.send(piece.into()).unwrap();
    }
    assert_eq!(data(&mut first), "a");
    due.answer(401);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(data(&mut first), "b");
    let (again, due) = desk.next().await;
    feed.send("c".into()).unwrap();
    drop(feed);
    assert_eq!(again.collect().await.unwrap().to_bytes(), "abc");
    due.answer(200);
    assert_eq!(answer.await.unwrap().unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_body_lost_during_the_renewal_leaves_the_first_answer() {
    for body in [
        Frames::many(1, 10).data(vec![0; 100]),
        Frames::many(1, 10).error("the disk is gone"),
    ] {
        let (answer, mut desk, issuer) = sending(body, 50).await;
        issuer.takes(Duration::from_secs(3));
        let (mut first, due) = desk.next().await;
        data(&mut first);
        due.answer(401);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(poll_frame(&mut first).is_ready());
        let response = answer.await.unwrap().unwrap();
        assert_eq!(response.status(), 401);
        let attempt = response.extensions().get::<Attempt>().unwrap();
        assert_eq!(
            (attempt.generation, attempt.waited, attempt.replayed),
            (1, true, false)
        );
        assert_eq!(issuer.fetches(), 2);
        assert!(desk.is_empty());
        // It is nobody else's body, so it goes on.
        assert!(!matches!(poll_frame(&mut first), Poll::Ready(Some(Err(_)))));
    }
}

#[tokio::test]
async fn an_error_in_the_rest_is_the_replays_error() {
    let body = Frames::many(2, 10).error("the disk is gone");
    let (answer, mut desk, _) = sending(body, REPLAY_LIMIT).await;
    let (mut first, due) = desk.next().await;
    data(&mut first);
    due.answer(401);
    let (mut again, due) = desk.next().await;
    data(&mut again);
    data(&mut again);
    match poll_frame(&mut again) {
        Poll::Ready(Some(Err(error))) => assert_eq!(error.to_string(), "the disk is gone"),
        _ => panic!("no error"),
    }
    due.answer(400);
    assert_eq!(answer.await.unwrap().unwrap().status(), 400);
}

#[tokio::test]
async fn no_credential_for_a_replay_leaves_the_first_sending_alone() {
    let (feed, body) = Feed::new();
    let (answer, mut desk, issuer) = sending(body, REPLAY_LIMIT).await;
    issuer.fails(hallpass_core::Error::transient("reset"));
    let (mut first, due) = desk.next().await;
    due.answer(401);
    assert_eq!(answer.await.unwrap().unwrap().status(), 401);
    feed.send("still there".into()).unwrap();
    assert_eq!(data(&mut first), "still there");
}

#[tokio::test]
async fn a_body_outlives_its_request() {
    // As in gRPC: the answer's head comes first, and both directions stream on.
    let (feed, body) = Feed::new();
    let (answer, mut desk, _) = sending(body, 4).await;
    let (mut first, due) = desk.next().await;
    due.answer(200);
    assert_eq!(answer.await.unwrap().unwrap().status(), 200);
    for _ in 0..100 {
        feed.send("12345".into()).unwrap();
        assert_eq!(data(&mut first), "12345");
    }
    drop(feed);
    assert!(matches!(poll_frame(&mut first), Poll::Ready(None)));
}
