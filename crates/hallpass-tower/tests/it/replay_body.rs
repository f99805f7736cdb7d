//! Bodies that were read to their end before the credential was refused.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use hallpass_core::Cached;
use hallpass_tower::{BearerLayer, REPLAY_LIMIT};
use http_body::Body;
use http_body_util::{BodyExt as _, Empty};
use tokio::time::timeout;
use tower::{Layer as _, ServiceExt as _};

use crate::common::{Api, Frames, Issuer, Seen, full, get, post, warm};

/// Sends this body to an API that refuses the first credential.
async fn replayed<B>(body: B, limit: usize) -> (u16, Vec<Seen>)
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<hallpass_core::BoxError>,
{
    let (layer, cached) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let service = layer.replay_limit(limit).layer(api.clone());
    let response = service.clone().oneshot(post(body)).await.unwrap();
    assert_eq!(
        cached.stats().rejections,
        1,
        "whether or not it is replayed"
    );
    // The next call has the new credential in any case, once it is there.
    while cached.stats().generation != Some(2) {
        tokio::task::yield_now().await;
    }
    assert_eq!(service.oneshot(get()).await.unwrap().status(), 200);
    let mut seen = api.seen();
    assert!(seen.pop().unwrap().is_bearer("token-2"));
    (response.status().as_u16(), seen)
}

#[tokio::test]
async fn a_body_in_one_piece() {
    let (status, seen) = replayed(full("one piece"), REPLAY_LIMIT).await;
    assert_eq!((status, seen.len()), (200, 2));
    for seen in seen {
        assert_eq!((&seen.body[..], seen.frames), (&b"one piece"[..], 1));
        assert_eq!(seen.hint.exact(), Some(9));
        assert!(!seen.ended_at_once);
    }
}

#[tokio::test]
async fn no_body_stays_no_body() {
    for seen in replayed(full(""), REPLAY_LIMIT).await.1 {
        assert!(seen.ended_at_once);
        assert_eq!((seen.frames, seen.hint.exact()), (0, Some(0)));
    }
    let (status, seen) = replayed(Empty::<Bytes>::new(), 0).await;
    assert_eq!((status, seen.len()), (200, 2));
}

#[tokio::test]
async fn a_stream_of_many_frames() {
    let body = Frames::many(32, 1024);
    let bytes = body.bytes();
    let (status, seen) = replayed(body, REPLAY_LIMIT).await;
    assert_eq!((status, seen.len()), (200, 2));
    for seen in seen {
        assert_eq!((&seen.body, seen.frames), (&bytes, 32));
        // Its length is as unknown the second time: chunked again, and no content-length.
        assert_eq!(seen.hint.exact(), None);
        assert!(!seen.ended_at_once);
    }
}

#[tokio::test]
async fn a_stream_that_knows_its_length_knows_it_again() {
    let (status, seen) = replayed(Frames::many(7, 11).sized(), REPLAY_LIMIT).await;
    assert_eq!((status, seen.len()), (200, 2));
    assert!(seen.iter().all(|seen| seen.hint.exact() == Some(77)));
}

/// A file's body may say the file's length all along.
#[tokio::test]
async fn a_length_that_does_not_shrink_is_announced_as_it_is() {
    for body in [
        Frames::many(1, 10),
        Frames::many(1, 10).silent(),
        Frames::many(2, 5),
        Frames::many(2, 5).silent(),
    ] {
        let bytes = body.bytes();
        let (status, seen) = replayed(body.announces(10), REPLAY_LIMIT).await;
        assert_eq!((status, seen.len()), (200, 2));
        for seen in seen {
            assert_eq!((seen.hint.exact(), &seen.body), (Some(10), &bytes));
        }
    }
}

#[tokio::test]
async fn a_body_shorter_than_it_says_does_not_look_whole() {
    let nothing = Frames::default().announces(10).silent();
    for (body, length) in [(Frames::many(1, 5).announces(10), 5), (nothing, 0)] {
        let (_, seen) = replayed(body, REPLAY_LIMIT).await;
        // The client below finds that out, as it would without the layer.
        for seen in seen {
            let told = (seen.hint.exact(), seen.ended_at_once);
            assert_eq!((told, seen.body.len()), ((Some(10), false), length));
        }
    }
}

/// Chunked the first time, it would have neither a length nor an encoding the second time.
#[tokio::test]
async fn an_empty_stream_stays_a_stream() {
    let (status, seen) = replayed(Frames::default().silent(), REPLAY_LIMIT).await;
    assert_eq!((status, seen.len()), (200, 2));
    for seen in seen {
        assert_eq!((seen.ended_at_once, seen.hint.exact()), (false, None));
        assert!(seen.body.is_empty());
    }
    for seen in replayed(Frames::default().sized().silent(), REPLAY_LIMIT)
        .await
        .1
    {
        assert_eq!((seen.ended_at_once, seen.hint.exact()), (false, Some(0)));
    }
}

#[tokio::test]
async fn what_is_known_of_a_length_is_said_again() {
    for seen in replayed(Frames::many(3, 5).between(4, 20), REPLAY_LIMIT)
        .await
        .1
    {
        assert_eq!((seen.hint.lower(), seen.hint.upper()), (4, Some(20)));
    }
}

/// Such as the bytes of a file that was read: to keep them costs nothing.
#[tokio::test]
async fn bytes_in_memory_need_no_limit() {
    let bytes = vec![7; 10 * REPLAY_LIMIT];
    let (status, seen) = replayed(full(bytes.clone()), REPLAY_LIMIT).await;
    assert_eq!((status, seen.len()), (200, 2));
    assert!(seen.iter().all(|seen| seen.body == bytes));

    let (status, seen) = replayed(full("anything"), 0).await;
    assert_eq!((status, seen.len()), (401, 1), "0 is for nothing");
    // Bytes of another kind have to be copied.
    let other = full(bytes).map_frame(|frame| frame.map_data(|data| data.chain(&b""[..])));
    let (status, _) = replayed(other, REPLAY_LIMIT).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_body_longer_than_it_says_is_kept_by_what_it_is() {
    for (body, limit) in [
        (Frames::many(1, 1000).announces(10), 100),
        (Frames::many(3, 50).announces(10), 100),
    ] {
        let bytes = body.bytes();
        let (status, seen) = replayed(body, limit).await;
        assert_eq!((status, seen.len()), (401, 1));
        assert_eq!(seen[0].body, bytes);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_while_there_is_no_credential() {
    let issuer = Issuer::new();
    issuer.takes(Duration::from_secs(20));
    let layer = BearerLayer::new(Cached::new(Arc::clone(&issuer)));
    let body = Frames::many(1, 1).sized();
    let asked = body.asked();
    let mut sending = pin!(layer.layer(Api::accepting("token-1")).oneshot(post(body)));
    let limit = Duration::from_secs(10);
    timeout(limit, &mut sending).await.unwrap_err();
    assert!(!asked.load(Ordering::SeqCst));
    assert_eq!(sending.await.unwrap().status(), 200);
    assert!(asked.load(Ordering::SeqCst));
}

#[tokio::test]
async fn trailers_come_again() {
    let body = Frames::many(3, 5).trailer("x-checksum", "c0ffee");
    let (status, seen) = replayed(body, REPLAY_LIMIT).await;
    assert_eq!((status, seen.len()), (200, 2));
    for seen in seen {
        assert_eq!(seen.body.len(), 15);
        assert_eq!(seen.trailers.unwrap()["x-checksum"], "c0ffee");
    }
}

#[tokio::test]
async fn the_limit_is_inclusive() {
    for (count, size, limit, expected) in [
        (1, 100, 100, 200),
        (1, 101, 100, 401),
        (10, 10, 100, 200),
        (101, 1, 100, 401),
        (1, REPLAY_LIMIT, REPLAY_LIMIT, 200),
        (1, REPLAY_LIMIT + 1, REPLAY_LIMIT, 401),
        (65, 1024, REPLAY_LIMIT, 401),
        (64, 1024, REPLAY_LIMIT, 200),
        (1, 1, 0, 401),
    ] {
        let body = Frames::many(count, size);
        let bytes = body.bytes();
        let (status, seen) = replayed(body, limit).await;
        assert_eq!(status, expected, "{count} x {size} of {limit}");
        // Whatever becomes of the replay, the first sending was whole, and knew its end.
        assert!(seen.iter().all(|seen| seen.body == bytes));
    }
}

#[tokio::test]
async fn a_long_stream_goes_through_and_its_refusal_is_returned() {
    let body = Frames::many(1024, 1024).sized().trailer("x-end", "yes");
    let bytes = body.bytes();
    let (status, seen) = replayed(body, REPLAY_LIMIT).await;
    assert_eq!((status, seen.len()), (401, 1));
    assert_eq!(seen[0].hint.exact(), Some(1 << 20));
    assert_eq!(seen[0].body, bytes);
    assert_eq!(seen[0].trailers.as_ref().unwrap()["x-end"], "yes");
}

#[tokio::test]
async fn empty_frames_change_nothing() {
    let mut body = Frames::default().data("a");
    for _ in 0..10_000 {
        body = body.data("");
    }
    let (status, seen) = replayed(body.data("b"), 2).await;
    assert_eq!((status, seen.len()), (200, 2));
    assert!(seen.iter().all(|seen| seen.body == "ab"));
    assert!(seen[1].frames <= 3, "nothing is kept of an empty frame");
}

#[tokio::test]
async fn a_body_that_fails_fails_the_request() {
    let (layer, cached) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-2");
    let body = Frames::many(2, 10).error("the disk is gone");
    let error = layer
        .layer(api.clone())
        .oneshot(post(body))
        .await
        .unwrap_err();
    assert_eq!(error.into_inner().unwrap().0, "the disk is gone");
    assert_eq!((api.calls(), cached.stats().rejections), (1, 0));
}

/// A length of nothing is no end: trailers may come, or more than was said.
#[tokio::test]
async fn a_length_of_nothing_is_no_end() {
    for silent in [false, true] {
        let ends = |body: Frames| if silent { body.silent() } else { body };
        let body = ends(Frames::default().announces(0).trailer("x-end", "yes"));
        let (status, seen) = replayed(body, REPLAY_LIMIT).await;
        assert_eq!((status, seen.len()), (200, 2));
        for seen in seen {
            assert_eq!((seen.ended_at_once, seen.hint.exact()), (false, Some(0)));
            assert_eq!(seen.trailers.unwrap()["x-end"], "yes");
        }
        let body = ends(Frames::default().announces(0).data("late"));
        let (status, seen) = replayed(body, REPLAY_LIMIT).await;
        assert_eq!((status, seen.len()), (200, 2));
        assert!(
            seen.iter()
                .all(|seen| seen.body == "late" && !seen.ended_at_once)
        );
    }
}

/// Past the limit nothing is left to send again, and the renewal that is begun all the same is what
/// the next call gets by.
#[tokio::test]
async fn a_body_past_the_limit_starts_the_renewal_all_the_same() {
    let issuer = Issuer::new();
    let (layer, cached) = warm(&issuer).await;
    let service = layer.replay_limit(10).layer(Api::accepting("token-2"));
    let response = service.clone().oneshot(post(Frames::many(2, 10))).await;
    assert_eq!(response.unwrap().status(), 401);
    assert_eq!(cached.stats().rejections, 1);
    // Nobody asks for it, and nobody waits.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(cached.stats().generation, Some(2));
    assert_eq!(cached.stats().fetches, 2);
}
