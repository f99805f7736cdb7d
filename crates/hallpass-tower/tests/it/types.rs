//! What holds of the types themselves: auto traits, and what they print.

use std::{error::Error as _, io, rc::Rc};

use bytes::Bytes;
use hallpass_core::{BoxError, Cached, Credential};
use hallpass_tower::{
    BearerLayer, BearerService, Error, Replay, ReplayBody, ResponseFuture, WithoutReplay,
};
use http::{Request, header::AUTHORIZATION};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use tower::{Layer as _, ServiceExt as _};

use crate::common::{self, API, Api, Broken, Frames, Held, Issuer, full, get, post, start, warm};

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn shared<T: Clone + Send + Sync + 'static>() {}
fn unpin<T: Unpin>() {}
fn error<T: std::error::Error + Send + Sync + 'static>() {}

#[test]
fn auto_traits() {
    type Unsync = UnsyncBoxBody<Bytes, BoxError>;

    shared::<BearerLayer>();
    shared::<BearerLayer<WithoutReplay>>();
    shared::<BearerService<Api>>();
    shared::<BearerService<Api, WithoutReplay>>();
    error::<Error<Broken>>();
    error::<Error<io::Error>>();

    send::<ReplayBody<Unsync>>();
    sync::<ReplayBody<Frames>>();
    unpin::<ReplayBody<Unsync>>();
    send::<ResponseFuture<Api, Replay, Frames, Full<Bytes>>>();
    send::<ResponseFuture<Held<ReplayBody<Unsync>>, Replay, Unsync, Full<Bytes>>>();
    send::<ResponseFuture<Held<Unsync>, WithoutReplay, Unsync, Full<Bytes>>>();
}

#[tokio::test]
async fn nothing_has_to_be_send() {
    // A body and a client of one thread.
    let (layer, _) = warm(&Issuer::new()).await;
    let marker = Rc::new(());
    let service = layer.layer(tower::service_fn(move |request: Request<_>| {
        let marker = Rc::clone(&marker);
        async move {
            let first = request.headers()[AUTHORIZATION] == "Bearer token-1";
            let body: ReplayBody<_> = request.into_body();
            assert_eq!(body.collect().await.unwrap().to_bytes(), "one thread");
            drop(marker);
            Ok::<_, Broken>(common::api::answer(if first { 401 } else { 200 }, ""))
        }
    }));
    let thread = Rc::new(());
    let body = full("one thread").map_frame(move |frame| {
        assert_eq!(Rc::strong_count(&thread), 1);
        frame
    });
    let response = service.oneshot(post(body)).await.unwrap();
    assert_eq!(response.status(), 200);
}

fn chain(error: &dyn std::error::Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(source) = next {
        texts.push(source.to_string());
        next = source.source();
    }
    texts
}

#[tokio::test]
async fn an_error_says_each_thing_once() {
    let issuer = Issuer::new();
    let cause = hallpass_core::Error::permanent(io::Error::other("no route to host"));
    issuer.fails(cause.context("the vault is out of reach"));
    let service = BearerLayer::new(issuer).layer(Api::always(200));
    let failed = service.clone().oneshot(get()).await.unwrap_err();
    assert_eq!(
        chain(&failed),
        [
            "the vault is out of reach; next attempt in 30 s",
            "no route to host"
        ]
    );
    assert!(matches!(&failed, Error::Credential(error) if !error.is_transient()));

    // While it cools down the same error says when the next attempt makes sense.
    let again = service.oneshot(get()).await.unwrap_err();
    let texts = chain(&again);
    assert!(texts[0].starts_with("the vault is out of reach; next attempt in "));
    assert_eq!(texts[1..], ["no route to host"]);
    let boxed = again.into_boxed();
    let error = boxed.downcast_ref::<hallpass_core::Error>().unwrap();
    assert!(error.retry_after().is_some());
    assert!(failed.into_inner().is_none());
}

#[test]
fn an_inner_error_stays_what_it_is() {
    let inner = || {
        Error::Inner(io::Error::new(
            io::ErrorKind::TimedOut,
            Broken("late".to_owned()),
        ))
    };
    assert_eq!(chain(&inner())[0], "late");
    assert!(
        inner()
            .source()
            .is_none_or(|source| source.to_string() != "late")
    );
    assert_eq!(
        inner().into_inner().unwrap().kind(),
        io::ErrorKind::TimedOut
    );
    assert!(inner().into_boxed().is::<io::Error>());
    let boxed: Error<BoxError> = Error::Inner("closed".into());
    assert_eq!(
        (boxed.to_string(), boxed.into_boxed().to_string()),
        ("closed".into(), "closed".into())
    );
    let own: Error<Broken> = hallpass_core::Error::timeout("late").into();
    assert!(matches!(own, Error::Credential(error) if error.is_timeout()));
}

#[tokio::test]
async fn nothing_prints_a_secret() {
    const SECRET: &str = "c0rrect-horse";
    let credential = Credential::bearer(SECRET).unwrap().never_expires();
    let cached = Cached::new(credential);
    cached.get().await.unwrap();
    let layer = BearerLayer::new(cached).origins([API]).unwrap();
    let (held, mut desk) = Held::new();
    let mut service = layer.layer(held);
    let mut request = post(full(SECRET));
    request
        .headers_mut()
        .insert("cookie", SECRET.parse().unwrap());
    let future = start(&mut service, request).await;
    let mut printed = vec![format!("{layer:?} {layer:#?} {service:?} {future:?}")];
    let answer = tokio::spawn(future);
    let (body, due) = desk.next().await;
    printed.push(format!("{body:?}"));
    due.answer(401);
    printed.push(format!("{:?}", answer.await.unwrap().unwrap()));

    let uri = format!("https://me:{SECRET}@api.example.com/?key={SECRET}");
    let refused = Request::get(uri).body(full("")).unwrap();
    let error = service.clone().oneshot(refused).await.unwrap_err();
    printed.push(format!("{error} {error:?}"));
    let http = Request::get(format!("http://api.example.com/?key={SECRET}"));
    let layer = layer.any_origin();
    let error = layer
        .layer(Api::always(200))
        .oneshot(http.body(full("")).unwrap())
        .await;
    let error = error.unwrap_err();
    printed.push(format!("{error} {error:?}"));

    let printed = printed.concat();
    assert!(printed.len() > 500);
    assert!(!printed.contains(SECRET), "{printed}");
    assert!(!printed.contains("horse"), "{printed}");
}

#[tokio::test]
async fn a_service_gives_its_parts_back() {
    let (layer, cached) = warm(&Issuer::new()).await;
    let mut service = layer.layer(Api::always(200));
    assert_eq!(service.get_ref().calls(), 0);
    assert_eq!(service.get_mut().calls(), 0);
    let authorizer = service.authorizer().clone();
    assert_eq!(authorizer.cached().stats().fetches, cached.stats().fetches);
    assert_eq!(service.into_inner().calls(), 0);
}
