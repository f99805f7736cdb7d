//! What becomes of a refusal's own body before the replay.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{BoxError, Credential};
use hallpass_tower::{BearerLayer, Error};
use http::{Request, Response, header::AUTHORIZATION};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use tokio::time::Sleep;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::common::{Frames, Issuer, get, status, warm};

const LIMIT: usize = 16 * 1024;

/// A refusal's body that tells how it was read.
#[derive(Debug)]
struct Rest {
    kind: Kind,
    notes: Arc<Notes>,
}

#[derive(Debug)]
enum Kind {
    Frames(Frames),
    /// Comes one by one, with this much time before each.
    Slow(Frames, Duration, Option<Pin<Box<Sleep>>>),
    Never,
    /// Says how long it is.
    Told(Full<Bytes>),
    /// Nothing at all, as fast as it is asked for.
    Empty,
}

#[derive(Debug, Default)]
struct Notes {
    frames: AtomicUsize,
    bytes: AtomicUsize,
    ended: AtomicBool,
    dropped: AtomicBool,
}

impl Body for Rest {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        this.notes.frames.fetch_add(1, Ordering::SeqCst);
        let next = match &mut this.kind {
            Kind::Frames(frames) => Pin::new(frames).poll_frame(context),
            Kind::Slow(frames, gap, sleep) => {
                let waiting = sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(*gap)));
                ready!(waiting.as_mut().poll(context));
                *sleep = None;
                Pin::new(frames).poll_frame(context)
            }
            Kind::Never => Poll::Pending,
            Kind::Told(full) => Pin::new(full)
                .poll_frame(context)
                .map_err(|never| match never {}),
            Kind::Empty => {
                assert!(
                    this.notes.frames.load(Ordering::SeqCst) < 100_000,
                    "endless"
                );
                Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
            }
        };
        match &next {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                this.notes.bytes.fetch_add(length, Ordering::SeqCst);
            }
            Poll::Ready(None) => this.notes.ended.store(true, Ordering::SeqCst),
            _ => {}
        }
        next
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Told(full) => full.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.notes.dropped.store(true, Ordering::SeqCst);
    }
}

/// A refusal with this body is replayed, and what is left of the body is gone by then.
async fn after(kind: Kind) -> Arc<Notes> {
    let (layer, _) = warm(&Issuer::new()).await;
    let notes = Arc::new(Notes::default());
    let refusal = std::sync::Mutex::new(Some(Rest {
        kind,
        notes: Arc::clone(&notes),
    }));
    let (refusal, watched) = (Arc::new(refusal), Arc::clone(&notes));
    let service = layer.layer(service_fn(move |request: Request<_>| {
        let _: &hallpass_tower::ReplayBody<http_body_util::Empty<Bytes>> = request.body();
        let first = request.headers()[AUTHORIZATION] == "Bearer token-1";
        let body = if first {
            refusal.lock().unwrap().take().unwrap().boxed()
        } else {
            assert!(watched.dropped.load(Ordering::SeqCst), "still there");
            Frames::default().data("fine").boxed()
        };
        let mut response = Response::new(body);
        *response.status_mut() = status(if first { 401 } else { 200 });
        async { Ok::<_, BoxError>(response) }
    }));
    let before = tokio::time::Instant::now();
    let response = service.oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "fine"
    );
    assert!(
        before.elapsed() <= Duration::from_millis(51),
        "nobody waits for it longer than that"
    );
    notes
}

fn read(notes: &Notes) -> (usize, bool) {
    (
        notes.bytes.load(Ordering::SeqCst),
        notes.ended.load(Ordering::SeqCst),
    )
}

#[tokio::test(start_paused = true)]
async fn a_short_one_is_read_to_its_end() {
    let short = Frames::many(3, 1024).trailer("x-end", "yes");
    assert_eq!(read(&*after(Kind::Frames(short)).await), (3 * 1024, true));
    assert_eq!(
        read(&*after(Kind::Frames(Frames::default())).await),
        (0, true)
    );
    let longest = Frames::many(16, 1024);
    assert_eq!(read(&*after(Kind::Frames(longest)).await), (LIMIT, true));
    let longest = Frames::many(1, LIMIT);
    assert_eq!(read(&*after(Kind::Frames(longest)).await), (LIMIT, true));
}

#[tokio::test(start_paused = true)]
async fn a_long_one_is_dropped_at_the_limit() {
    for long in [Frames::many(1000, 1024), Frames::many(17, 1024)] {
        assert_eq!(
            read(&*after(Kind::Frames(long)).await),
            (LIMIT + 1024, false)
        );
    }
    let one = Frames::many(1, LIMIT + 1);
    assert!(!read(&*after(Kind::Frames(one)).await).1);
}

#[tokio::test(start_paused = true)]
async fn one_that_says_its_length_is_read_to_its_end_or_not_at_all() {
    for (length, expected) in [(LIMIT, (LIMIT, true)), (LIMIT + 1, (0, false))] {
        let told = Full::from(vec![b'x'; length]);
        assert_eq!(read(&*after(Kind::Told(told)).await), expected, "{length}");
    }
}

fn slow(frames: usize, gap: u64) -> Kind {
    Kind::Slow(Frames::many(frames, 10), Duration::from_millis(gap), None)
}

#[tokio::test(start_paused = true)]
async fn one_that_is_nearly_there_is_read_to_its_end() {
    assert_eq!(read(&*after(slow(3, 10)).await), (30, true));
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_its_time_is_dropped() {
    assert_eq!(read(&*after(slow(100, 20)).await), (20, false));
}

#[tokio::test(start_paused = true)]
async fn one_that_never_comes_is_dropped() {
    assert_eq!(read(&*after(Kind::Never).await), (0, false));
}

#[tokio::test(start_paused = true)]
async fn one_of_empty_frames_without_end_is_dropped() {
    assert_eq!(read(&*after(Kind::Empty).await), (0, false));
}

#[tokio::test(start_paused = true)]
async fn one_that_breaks_off_does_no_harm() {
    let broken = Frames::many(1, 10).error("reset");
    assert_eq!(read(&*after(Kind::Frames(broken)).await), (10, false));
}

#[tokio::test]
async fn a_refusal_that_is_returned_keeps_its_body() {
    let key = Credential::bearer("for-ever").unwrap().never_expires();
    let service = BearerLayer::new(key).layer(service_fn(async |_: Request<_>| {
        let mut response = Response::new(Frames::many(3, 1024));
        *response.status_mut() = status(401);
        Ok::<_, BoxError>(response)
    }));
    for _ in 0..3 {
        let answer: Result<_, Error<BoxError>> = service.clone().oneshot(get()).await;
        let body = answer.unwrap().into_body().collect().await.unwrap();
        assert_eq!(body.to_bytes().len(), 3 * 1024);
    }
}
