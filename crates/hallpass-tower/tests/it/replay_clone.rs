//! Clones of a body, what is kept for them, and when a body is polled.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use hallpass_core::BoxError;
use hallpass_tower::{REPLAY_LIMIT, ReplayBody};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Empty, Full};
use tokio_test::assert_pending;
use tower::Layer as _;

use crate::common::{Api, Feed, Frames, Issuer, full, poll_frame, post, start, warm};

async fn read<B>(body: ReplayBody<B>) -> Result<Bytes, String>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    let read = body.collect().await;
    read.map(http_body_util::Collected::to_bytes)
        .map_err(|error| error.to_string())
}

async fn next<B>(body: &mut ReplayBody<B>) -> Result<Bytes, String>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    let frame = body.frame().await.unwrap();
    let frame = frame.map_err(|error| error.to_string())?;
    Ok(frame.into_data().unwrap())
}

/// How many frames there are, and bytes.
async fn frames<B: Body + Unpin>(body: &mut ReplayBody<B>) -> (usize, usize)
where
    B::Error: Into<BoxError>,
{
    let (mut count, mut length) = (0, 0);
    while let Some(frame) = body.frame().await {
        count += 1;
        length += frame.unwrap().into_data().unwrap().len();
    }
    (count, length)
}

#[tokio::test]
async fn a_clone_starts_from_the_beginning() {
    let original = Frames::many(5, 2000).trailer("x-end", "yes");
    let bytes = original.bytes();
    let mut body = ReplayBody::new(original);
    let before = body.try_clone().unwrap();
    next(&mut body).await.unwrap();
    let midway = body.clone();
    let whole = body.collect().await.unwrap();
    assert_eq!(whole.trailers().unwrap()["x-end"], "yes");
    assert_eq!(whole.to_bytes(), bytes[2000..]);
    for clone in [before.clone(), before, midway] {
        assert!(!clone.is_end_stream());
        let whole = clone.collect().await.unwrap();
        assert_eq!(whole.trailers().unwrap()["x-end"], "yes");
        assert_eq!(whole.to_bytes(), bytes);
    }
}

#[tokio::test]
async fn a_clone_goes_on_where_the_original_stopped() {
    let mut body = ReplayBody::new(Frames::many(4, 10).sized());
    let mut clone = body.clone();
    let first = next(&mut body).await.unwrap();
    assert_eq!(clone.size_hint().exact(), Some(40));
    assert_eq!(next(&mut clone).await.unwrap(), first);
    let second = next(&mut clone).await.unwrap();
    assert_ne!(first, second);
    // It still has what is kept, and nothing that is not.
    assert_eq!(next(&mut body).await.unwrap(), second);
    let error = next(&mut body).await.unwrap_err();
    assert!(error.contains("replayed elsewhere"), "{error}");
    assert!(!body.is_end_stream());
    assert_eq!(read(clone).await.unwrap().len(), 20);
}

#[tokio::test]
async fn the_same_bytes_are_shared() {
    let bytes = Bytes::from(vec![1; 3 * REPLAY_LIMIT]);
    let body = ReplayBody::new(full(bytes.clone()));
    let clone = body.try_clone().unwrap();
    for body in [body, clone] {
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        assert_eq!(read(body).await.unwrap().as_ptr(), bytes.as_ptr());
    }
}

#[tokio::test]
async fn bytes_in_memory_need_no_original() {
    let bytes = Bytes::from(vec![1; 3 * REPLAY_LIMIT]);
    let mut body = ReplayBody::new(Full::new(bytes.clone()));
    let early = body.clone();
    assert_eq!(next(&mut body).await.unwrap().as_ptr(), bytes.as_ptr());
    assert_eq!(
        (body.is_end_stream(), body.size_hint().exact()),
        (true, Some(0))
    );
    for again in [early, body.try_clone().unwrap()] {
        assert_eq!(again.size_hint().exact(), Some(bytes.len() as u64));
        assert_eq!(read(again).await.unwrap(), bytes);
    }
    assert_eq!(read(body).await.unwrap(), "");

    let body = ReplayBody::with_limit(Full::new(bytes), 0);
    let clone = body.clone();
    read(body).await.unwrap();
    read(clone).await.unwrap_err();
}

#[tokio::test]
async fn what_cannot_be_sent_again_says_so() {
    let mut long = ReplayBody::with_limit(Frames::many(3, 100), 250);
    let early = long.clone();
    for _ in 0..3 {
        next(&mut long).await.unwrap();
    }
    let mut failing = ReplayBody::new(Frames::many(1, 1).error("the disk is gone"));
    let other = failing.clone();
    next(&mut failing).await.unwrap();
    next(&mut failing).await.unwrap_err();

    assert!(long.try_clone().is_none() && failing.try_clone().is_none());
    for clone in [long.clone(), early, failing.clone(), other] {
        assert!(!clone.is_end_stream(), "an empty body would look like one");
        let error = read(clone).await.unwrap_err();
        assert!(error.contains("can't be sent again"), "{error}");
    }
}

#[tokio::test]
async fn nothing_can_be_sent_any_number_of_times() {
    let body = ReplayBody::with_limit(Empty::<Bytes>::new(), 0);
    let again = body.clone().try_clone().unwrap();
    for body in [body, again, ReplayBody::default()] {
        assert_eq!(
            (body.is_end_stream(), body.size_hint().exact()),
            (true, Some(0))
        );
    }
}

#[tokio::test]
async fn a_clone_waits_for_the_same_original() {
    let (feed, body) = Feed::new();
    let mut body = ReplayBody::new(body);
    let mut clone = body.clone();
    assert_pending!(poll_frame(&mut body));
    feed.send("one".into()).unwrap();
    assert_eq!(next(&mut clone).await.unwrap(), "one");
    assert_eq!(next(&mut body).await.unwrap(), "one");
    drop(feed);
    assert_eq!(read(clone).await.unwrap(), "");
    assert_eq!(read(body).await.unwrap(), "");
}

/// A buffer of 100 bytes, of which a frame shows one, and how many of them there are.
struct Counted(Arc<AtomicUsize>, [u8; 100]);

impl Counted {
    fn frame(count: &Arc<AtomicUsize>) -> Bytes {
        count.fetch_add(1, Ordering::SeqCst);
        Bytes::from_owner(Self(Arc::clone(count), [7; 100])).slice(..1)
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.1
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// So many frames of one byte each, made as they are asked for.
struct Trickle(usize, Arc<AtomicUsize>);

impl Body for Trickle {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(left) = self.0.checked_sub(1) else {
            return Poll::Ready(None);
        };
        self.0 = left;
        Poll::Ready(Some(Ok(Frame::data(Counted::frame(&self.1)))))
    }
}

#[tokio::test]
async fn small_frames_are_kept_together() {
    let buffers = Arc::new(AtomicUsize::new(0));
    let body = ReplayBody::new(Trickle(REPLAY_LIMIT, Arc::clone(&buffers)));
    let mut again = body.clone();
    assert_eq!(frames(&mut { body }).await, (REPLAY_LIMIT, REPLAY_LIMIT));
    // 65,536 without: six and a half megabytes, bookkeeping not counted.
    assert!(buffers.load(Ordering::SeqCst) <= 1);
    let (count, length) = frames(&mut again).await;
    assert_eq!(length, REPLAY_LIMIT);
    assert!(count <= 18, "{count} pieces");
}

#[tokio::test]
async fn nothing_is_kept_that_nobody_can_ask_for() {
    let buffers = Arc::new(AtomicUsize::new(0));
    let mut body = ReplayBody::new(Trickle(3, Arc::clone(&buffers)));
    let clone = body.clone();
    next(&mut body).await.unwrap();
    assert_eq!(buffers.load(Ordering::SeqCst), 1);
    drop(clone);
    next(&mut body).await.unwrap();
    assert_eq!(buffers.load(Ordering::SeqCst), 0);
    assert!(body.try_clone().is_none());
}

/// A body may count on its runtime, or on its waker.
#[tokio::test]
async fn a_body_is_polled_by_the_inner_service_only() {
    let (layer, _) = warm(&Issuer::new()).await;
    let mut service = layer.layer(Api::accepting("token-1"));
    let body = Frames::many(1, 5).sized();
    let asked = body.asked();
    let mut sending = std::pin::pin!(start(&mut service, post(body)).await);
    assert!(!asked.load(Ordering::SeqCst), "polled in `call`");
    assert_eq!(sending.as_mut().await.unwrap().status(), 200);
    assert!(asked.load(Ordering::SeqCst));
}

/// A body that has failed may claim its end, which is none of what is sent again.
#[tokio::test]
async fn what_has_failed_never_looks_whole() {
    for sized in [false, true] {
        let body = Frames::many(2, 10).error("the disk is gone");
        let mut first = ReplayBody::new(if sized { body.sized() } else { body });
        let mut begun = first.try_clone().unwrap();
        next(&mut begun).await.unwrap();
        let before = first.try_clone().unwrap();
        next(&mut first).await.unwrap();
        next(&mut first).await.unwrap();
        assert!(!first.is_end_stream(), "its error is still to come");
        assert_eq!(next(&mut first).await.unwrap_err(), "the disk is gone");
        assert!(first.try_clone().is_none());
        for mut other in [begun, before, first.clone()] {
            assert!(!other.is_end_stream());
            assert!(other.try_clone().is_none());
            let error = next(&mut other).await.unwrap_err();
            assert!(
                error.contains("again") || error.contains("elsewhere"),
                "{error}"
            );
        }
    }
}
