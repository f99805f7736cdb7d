//! Clients whose service takes one type of body, and may not even be cloned.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{BoxError, Error as CredentialError};
use hallpass_tower::{BearerLayer, GATHER_LIMIT};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use tower::{
    Layer, Service, ServiceBuilder, ServiceExt as _, limit::ConcurrencyLimitLayer,
    timeout::TimeoutLayer, util::BoxService,
};

use crate::common::{self, Api, Feed, Frames, Issuer, api::answer, get, post, start, status, warm};

/// The one type of body that a client takes, as kube's and octocrab's.
struct Fixed(UnsyncBoxBody<Bytes, BoxError>);

impl Fixed {
    fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(body.map_err(Into::into).boxed_unsync())
    }
}

impl From<Bytes> for Fixed {
    fn from(bytes: Bytes) -> Self {
        Self::new(Full::new(bytes))
    }
}

impl Body for Fixed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.get_mut().0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// What such a client is made of: no clone, boxed errors.
type Stack = BoxService<Request<Fixed>, Response<Full<Bytes>>, BoxError>;

fn stack(api: &Api) -> Stack {
    let boxed = ServiceBuilder::new().map_err(BoxError::from);
    BoxService::new(boxed.service(api.clone()))
}

/// What such a client asks of a stack with a layer.
fn client<S>(service: S) -> S
where
    S: Service<Request<Fixed>, Response = Response<Full<Bytes>>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    service
}

/// An API that refuses the first token, after having read the body.
fn refusing() -> Api {
    Api::accepting("token-2")
}

async fn send<L>(layer: L, api: &Api, body: Fixed) -> Result<Response<Full<Bytes>>, BoxError>
where
    L: Layer<Stack>,
    L::Service: Service<Request<Fixed>, Response = Response<Full<Bytes>>, Error = BoxError>,
{
    layer.layer(stack(api)).oneshot(post(body)).await
}

#[tokio::test]
async fn a_post_heals_through_a_service_that_cannot_be_cloned() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = refusing();
    let mut service = client(layer.keeping_type().layer(stack(&api)));
    for expected in [2, 3] {
        let request = post(Fixed::from(Bytes::from_static(b"an order")));
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!((response.status(), api.calls()), (status(200), expected));
    }
    assert_eq!(api.tokens(), ["token-1", "token-2", "token-2"]);
    for seen in api.seen() {
        assert_eq!(
            (&seen.body[..], seen.hint.exact()),
            (&b"an order"[..], Some(8))
        );
    }
}

#[tokio::test]
async fn a_request_without_a_body_stays_one() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = refusing();
    let service = client(layer.keeping_type().layer(stack(&api)));
    let request = get().map(Fixed::new);
    assert_eq!(service.oneshot(request).await.unwrap().status(), 200);
    let [first, second] = &api.seen()[..] else {
        panic!("sent twice");
    };
    for seen in [first, second] {
        assert!(seen.ended_at_once && seen.frames == 0);
    }
}

#[tokio::test]
async fn a_body_that_comes_bit_by_bit_is_gathered() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = refusing();
    let (feed, body) = Feed::new();
    let service = client(layer.keeping_type().layer(stack(&api)));
    let answer = tokio::spawn(service.oneshot(post(Fixed::new(body))));
    for piece in ["bit ", "by ", "", "bit"] {
        tokio::task::yield_now().await;
        assert_eq!(api.calls(), 0, "not before all is there");
        feed.send(Bytes::from(piece)).unwrap();
    }
    drop(feed);
    assert_eq!(answer.await.unwrap().unwrap().status(), 200);
    let [first, second] = &api.seen()[..] else {
        panic!("sent twice");
    };
    assert_eq!(
        (&first.body[..], &second.body[..]),
        (&b"bit by bit"[..], &b"bit by bit"[..])
    );
}

/// Where in memory the bodies' bytes were, and how many.
type Places = Arc<Mutex<Vec<(usize, usize)>>>;

fn place(bytes: &Bytes) -> (usize, usize) {
    (bytes.as_ptr().addr(), bytes.len())
}

/// Answers 401 and then 200.
fn noting(places: &Places) -> Stack {
    let places = Arc::clone(places);
    BoxService::new(tower::service_fn(move |request: Request<Fixed>| {
        let places = Arc::clone(&places);
        async move {
            let mut body = request.into_body();
            let data = body.frame().await.unwrap()?.into_data().unwrap();
            assert!(body.is_end_stream());
            let mut places = places.lock().unwrap();
            places.push(place(&data));
            Ok(answer(if places.len() == 1 { 401 } else { 200 }, ""))
        }
    }))
}

#[tokio::test]
async fn one_piece_in_memory_is_replayed_however_long_and_never_copied() {
    let (layer, _) = warm(&Issuer::new()).await;
    for size in [100, 64 * 1024 + 1, 3 * 1024 * 1024] {
        let body = Bytes::from(vec![7; size]);
        let (gathered, wrapped) = (Places::default(), Places::default());
        let service = layer.clone().keeping_type().layer(noting(&gathered));
        let response = service.oneshot(post(Fixed::from(body.clone()))).await;
        assert_eq!(response.unwrap().status(), 200);
        assert_eq!(*gathered.lock().unwrap(), [place(&body); 2]);

        let layer = layer.clone().keeping_type_with(Fixed::new);
        let service = layer.layer(noting(&wrapped));
        let response = service.oneshot(post(Fixed::from(body.clone()))).await;
        assert_eq!(response.unwrap().status(), 200);
        assert_eq!(*wrapped.lock().unwrap(), [place(&body); 2]);
    }
}

#[tokio::test]
async fn pieces_past_the_limit_arrive_and_are_not_replayed() {
    for sized in [true, false] {
        let (layer, _) = warm(&Issuer::new()).await;
        let api = refusing();
        let frames = Frames::many(30, 4096);
        let bytes = frames.bytes();
        let body = Fixed::new(if sized { frames.sized() } else { frames });
        let response = send(layer.keeping_type(), &api, body).await.unwrap();
        assert_eq!((response.status(), api.calls()), (status(401), 1));
        assert_eq!(api.seen()[0].body, bytes);
    }
}

#[tokio::test]
async fn the_limit_can_be_raised() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = refusing();
    let frames = Frames::many(3, GATHER_LIMIT / 2);
    let bytes = frames.bytes();
    let layer = layer.replay_limit(2 * GATHER_LIMIT).keeping_type();
    let response = send(layer, &api, Fixed::new(frames)).await.unwrap();
    assert_eq!((response.status(), api.calls()), (status(200), 2));
    assert!(api.seen().iter().all(|seen| seen.body == bytes));
}

#[tokio::test]
async fn what_cannot_be_gathered_is_an_error_that_says_what_to_do() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = refusing();
    let endless = Fixed::new(Frames::many(40, 64 * 1024));
    let error = send(layer.clone().keeping_type(), &api, endless).await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("2097152 bytes") && error.contains("replay_limit"),
        "{error}"
    );

    let trailers = Fixed::new(Frames::default().data("data").trailer("x-sum", "7"));
    let error = send(layer.clone().keeping_type(), &api, trailers).await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("trailers") && error.contains("keeping_type_with"),
        "{error}"
    );

    let broken = Fixed::new(Frames::default().data("data").error("the disk is gone"));
    let error = send(layer.keeping_type(), &api, broken).await.unwrap_err();
    assert_eq!(error.to_string(), "the disk is gone");
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn a_body_made_by_a_function_streams() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = refusing();
    let body = Frames::many(3, 4096).trailer("x-sum", "7");
    let bytes = body.bytes();
    let layer = layer.keeping_type_with(Fixed::new);
    let service = client(layer.layer(stack(&api)));
    let response = service.clone().oneshot(post(Fixed::new(body))).await;
    assert_eq!(response.unwrap().status(), 200);
    let [first, second] = &api.seen()[..] else {
        panic!("sent twice");
    };
    assert_eq!((first.frames, first.hint.exact()), (4, None));
    for seen in [first, second] {
        assert_eq!(seen.trailers.as_ref().unwrap()["x-sum"], "7");
        assert_eq!(seen.body, bytes);
    }

    let long = Fixed::new(Frames::many(40, 64 * 1024));
    let response = service.oneshot(post(long)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(api.seen()[2].frames, 40);
}

#[tokio::test]
async fn the_body_of_a_request_that_is_not_ours_is_not_touched() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::always(401);
    let body = Frames::many(3, 10).trailer("x-sum", "7");
    let asked = body.asked();
    let request = Request::post("https://elsewhere.example/").body(Fixed::new(body));
    let mut service = client(layer.keeping_type().layer(stack(&api)));
    let future = start(&mut service, request.unwrap()).await;
    assert!(!asked.load(Ordering::SeqCst));
    assert_eq!(future.await.unwrap().status(), 401);
    let seen = &api.seen()[0];
    assert_eq!((seen.frames, seen.authorization()), (4, None));
    assert!(seen.trailers.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_the_credential_comes_first_and_sends_the_body_after() {
    let issuer = Issuer::new();
    issuer.takes(Duration::from_secs(1));
    let layer = BearerLayer::new(issuer).keeping_type();
    let layer = layer.at(common::API).unwrap().any_origin();
    let api = Api::accepting("token-1");
    let request = Request::post("/without/authority").body(Fixed::from(Bytes::from("b")));
    let response = layer.layer(stack(&api)).oneshot(request.unwrap()).await;
    assert_eq!(response.unwrap().status(), 200);
    assert_eq!(api.seen()[0].body, "b");
}

#[tokio::test]
async fn a_credential_that_may_not_go_there_is_a_typed_error_in_the_box() {
    let api = Api::always(200);
    let layer = BearerLayer::new(Issuer::new()).keeping_type();
    let request = Request::post("/without/authority").body(Fixed::from(Bytes::new()));
    let error = layer.layer(stack(&api)).oneshot(request.unwrap()).await;
    let error = error.unwrap_err();
    let error = error.downcast_ref::<CredentialError>().unwrap();
    assert!(error.is_destination() && error.to_string().contains("at(origin)"));
}

#[tokio::test(start_paused = true)]
async fn many_callers_share_a_service_with_one_place() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = refusing();
    api.takes(Duration::from_millis(10));
    let limited = ConcurrencyLimitLayer::new(1).layer(stack(&api));
    let mut service = client(layer.keeping_type().layer(limited));
    // Polled ready ahead, and never called: the place stays there for everybody.
    service.ready().await.unwrap();
    let calls: Vec<_> = (0..8)
        .map(|_| tokio::spawn(service.clone().oneshot(post(Fixed::from(Bytes::from("b"))))))
        .collect();
    for call in calls {
        let response = tokio::time::timeout(Duration::from_secs(5), call).await;
        assert_eq!(response.unwrap().unwrap().unwrap().status(), 200);
    }
    // All but the replays, each of which is one more.
    assert!(api.calls() >= 9, "{}", api.calls());
}

#[tokio::test]
async fn a_caller_that_gives_up_wakes_the_next() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = Api::accepting("token-1");
    let limited = ConcurrencyLimitLayer::new(1).layer(stack(&api));
    let service = client(layer.keeping_type().layer(limited));
    let (feed, body) = Feed::new();
    let first = tokio::spawn(service.clone().oneshot(post(Fixed::new(body))));
    let second = tokio::spawn(service.clone().oneshot(post(Fixed::from(Bytes::from("2")))));
    assert_eq!(
        second.await.unwrap().unwrap().status(),
        200,
        "gathering holds no place"
    );
    first.abort();
    drop(feed);
    let third = service.oneshot(post(Fixed::from(Bytes::from("3")))).await;
    assert_eq!(third.unwrap().status(), 200);
}

#[tokio::test]
async fn boxed_fits_between_layers_with_boxed_errors() {
    let (layer, _) = warm(&Issuer::new()).await;
    let api = refusing();
    let limit = TimeoutLayer::new(Duration::from_secs(5));
    let service = ServiceBuilder::new()
        .layer(limit.clone())
        .layer(layer.boxed())
        .layer(limit)
        .service(api.clone());
    let body = Full::new(Bytes::from("b"));
    assert_eq!(service.oneshot(post(body)).await.unwrap().status(), 200);
}

#[tokio::test]
async fn boxed_errors_are_what_was_inside() {
    let api = Api::always(200);
    let layer = BearerLayer::new(Issuer::new()).boxed();
    let request = Request::get("/").body(Full::<Bytes>::default()).unwrap();
    let error = layer.layer(api).oneshot(request).await.unwrap_err();
    assert!(error.is::<CredentialError>());
}
