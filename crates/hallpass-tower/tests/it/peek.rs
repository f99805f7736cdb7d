//! Vendors that refuse a token within a 200, or by words beside a 403.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{Cached, Credential, CredentialSource, Description, Error, Fetch, Rejected};
use hallpass_tower::{BearerLayer, PeekedBody, ReplayBody};
use http::{
    Request, Response,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use tokio::sync::mpsc;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::common::Feed;

#[derive(Default)]
struct Issuer(AtomicU64);

impl CredentialSource for Issuer {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Credential::bearer(&format!("token-{number}"))?.lives_for(Duration::from_secs(3600)))
    }

    fn description(&self) -> Description {
        let mut description = Description::default();
        description.rejected =
            Rejected::default().when_body(|start| start.starts_with(b"{\"code\":99991663"));
        description
    }
}

type Sent = Request<ReplayBody<Full<Bytes>>>;

async fn call(answer: Bytes, looks: bool) -> (Vec<u8>, u64, Option<u64>) {
    refused_with(200, answer, looks).await
}

/// Refuses `token-1` within this status, and answers everything else with this.
async fn refused_with(status: u16, answer: Bytes, looks: bool) -> (Vec<u8>, u64, Option<u64>) {
    let issuer = Arc::new(Issuer::default());
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    let api = service_fn(move |request: Sent| {
        count.fetch_add(1, Ordering::Relaxed);
        let refused = request.headers()[AUTHORIZATION] == "Bearer token-1";
        let body = if refused {
            Bytes::from_static(b"{\"code\":99991663,\"msg\":\"expired\"}")
        } else {
            answer.clone()
        };
        let mut answer = Response::new(Full::new(body));
        if refused {
            *answer.status_mut() = status.try_into().unwrap();
        }
        async move { Ok::<_, Infallible>(answer) }
    });
    let cached = Cached::new(issuer);
    let layer = BearerLayer::new(cached.clone());
    let request = Request::post("https://api.example.com/")
        .body(Full::from("{}"))
        .unwrap();
    let body = if looks {
        let response = layer
            .looking_at_bodies()
            .layer(api)
            .oneshot(request)
            .await
            .unwrap();
        let body: PeekedBody<_> = response.into_body();
        assert_eq!(body.size_hint().exact(), Some(body.size_hint().lower()));
        body.collect().await.unwrap().to_bytes()
    } else {
        let response = layer.layer(api).oneshot(request).await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes()
    };
    (
        body.to_vec(),
        calls.load(Ordering::Relaxed),
        cached.stats().generation,
    )
}

#[tokio::test]
async fn a_code_within_a_200_is_healed_by_one_replay() {
    let (body, calls, generation) = call(Bytes::from_static(b"{\"code\":0}"), true).await;
    assert_eq!(body, b"{\"code\":0}");
    assert_eq!((calls, generation), (2, Some(2)));
}

#[tokio::test]
async fn a_code_beside_a_refusal_is_healed_and_beside_a_failure_not() {
    for (status, expected) in [(400, 2), (403, 2), (302, 1), (500, 1)] {
        let (_, calls, _) = refused_with(status, Bytes::new(), true).await;
        assert_eq!(calls, expected, "{status}");
    }
}

#[tokio::test]
async fn nothing_of_a_long_body_is_lost() {
    let long: Bytes = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    let (body, calls, _) = call(long.clone(), true).await;
    assert_eq!(body, long);
    assert_eq!(calls, 2);
}

#[tokio::test]
async fn without_looking_the_answer_goes_to_the_caller() {
    let (body, calls, generation) = call(Bytes::new(), false).await;
    assert!(body.starts_with(b"{\"code\":99991663"));
    assert_eq!((calls, generation), (1, Some(1)));
}

/// The answer's head, and how long it took, with a body that is fed by hand.
async fn head_of(kind: &'static str) -> (Duration, PeekedBody<Feed>, mpsc::UnboundedSender<Bytes>) {
    let (sender, body) = Feed::new();
    let body = Arc::new(std::sync::Mutex::new(Some(body)));
    let api = service_fn(move |_: Sent| {
        let mut response = Response::new(body.lock().unwrap().take().unwrap());
        let kind = kind.parse().unwrap();
        response.headers_mut().insert(CONTENT_TYPE, kind);
        async { Ok::<_, Infallible>(response) }
    });
    let layer = BearerLayer::new(Issuer::default()).looking_at_bodies();
    let request = Request::get("https://api.example.com/")
        .body(Full::default())
        .unwrap();
    let before = tokio::time::Instant::now();
    let response = layer.layer(api).oneshot(request).await.unwrap();
    (before.elapsed(), response.into_body(), sender)
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_events_comes_up_at_once() {
    let (took, body, sender) = head_of("text/event-stream; charset=utf-8").await;
    assert_eq!(took, Duration::ZERO);
    sender.send(Bytes::from_static(b"data: 1\n\n")).unwrap();
    drop(sender);
    assert_eq!(body.collect().await.unwrap().to_bytes(), "data: 1\n\n");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_keeps_silent_does_not_hold_up_its_head() {
    let (took, body, sender) = head_of("application/json").await;
    assert!(took <= Duration::from_millis(51), "{took:?}");
    sender.send(Bytes::from_static(b"{}")).unwrap();
    drop(sender);
    assert_eq!(body.collect().await.unwrap().to_bytes(), "{}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_was_read_to_its_end_says_so() {
    let (sender, body) = Feed::new();
    sender.send(Bytes::from_static(b"{}")).unwrap();
    drop(sender);
    let body = Arc::new(std::sync::Mutex::new(Some(body)));
    let api = service_fn(move |_: Sent| {
        let body = body.lock().unwrap().take().unwrap();
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    let layer = BearerLayer::new(Issuer::default()).looking_at_bodies();
    let request = Request::get("https://api.example.com/")
        .body(Full::default())
        .unwrap();
    let response = layer.layer(api).oneshot(request).await.unwrap();
    let mut body = response.into_body();
    assert!(!body.is_end_stream(), "what was read is still to come");
    body.frame().await.unwrap().unwrap();
    // The body below could not know.
    assert!(body.is_end_stream());
    assert!(body.frame().await.is_none());
}
