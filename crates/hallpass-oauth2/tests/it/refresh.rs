//! The refresh-token grant: the latest token is used, and none is lost on the way.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{CredentialSource as _, Error};
use hallpass_oauth2::{
    RefreshToken, Secret, Transport,
    transport::{Phase, TransportError},
};
use http::{Request, Response};
use tokio::sync::Notify;

use crate::common::{self, Script, Step, TOKEN, URL, build_error, fetch, jws::param};

fn rotated(to: &str) -> Step {
    Step::ok(format!(
        r#"{{"access_token":"a","token_type":"Bearer","expires_in":300,"refresh_token":"{to}"}}"#
    ))
}

fn used(script: &Script) -> Vec<String> {
    let seen = script.seen();
    let token = |body: &str| param(body, "refresh_token").unwrap();
    seen.iter().map(|seen| token(&seen.body)).collect()
}

#[tokio::test]
async fn the_request_is_rfc_6749() {
    let builder = RefreshToken::at(URL)
        .refresh_token("r&1")
        .basic("my-client", "s3cret")
        .scope("a b");
    let script = Script::of([Step::ok(TOKEN)]);
    let source = builder.build(script.clone()).unwrap();
    fetch(&source).await.unwrap();
    let seen = script.only();
    assert_eq!(
        seen.body,
        "grant_type=refresh_token&scope=a%20b&refresh_token=r%261"
    );
    assert!(seen.header("authorization").unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn each_new_token_is_used_and_told_once() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = told.clone();
    let script = Script::of([
        rotated("r2"),
        rotated("r2"),
        Step::ok(TOKEN),
        rotated("r3"),
        Step::ok(TOKEN),
    ]);
    let source = RefreshToken::at(URL)
        .on_rotation(move |token| telling.lock().unwrap().push(token.to_owned()))
        .refresh_token("r1")
        .public("my-client")
        .build(script.clone())
        .unwrap();
    for _ in 0..5 {
        fetch(&source).await.unwrap();
    }
    assert_eq!(used(&script), ["r1", "r2", "r2", "r2", "r3"]);
    assert_eq!(*told.lock().unwrap(), ["r2", "r3"]);
}

#[tokio::test]
async fn a_new_value_in_its_place_wins() {
    let (token, handle) = Secret::rotating("r1");
    let script = Script::of([rotated("r2"), Step::ok(TOKEN), Step::ok(TOKEN)]);
    let builder = RefreshToken::at(URL)
        .refresh_token(token)
        .public("my-client");
    let source = builder.build(script.clone()).unwrap();
    fetch(&source).await.unwrap();
    fetch(&source).await.unwrap();
    let before = source.version();
    handle.set("signed in again");
    assert_ne!(source.version(), before);
    fetch(&source).await.unwrap();
    assert_eq!(used(&script), ["r1", "r2", "signed in again"]);
}

#[tokio::test(start_paused = true)]
async fn failures_keep_the_old_one() {
    let script = Script::of([
        rotated("r2"),
        Step::Fail(Phase::TooLarge),
        Step::status(500, r#"{"refresh_token":"no"}"#),
        Step::status(400, r#"{"error":"invalid_scope","refresh_token":"no"}"#),
        Step::ok(TOKEN),
    ]);
    let builder = RefreshToken::at(URL)
        .refresh_token("r1")
        .public("my-client");
    let source = builder.build(script.clone()).unwrap();
    fetch(&source).await.unwrap();
    for _ in 0..3 {
        fetch(&source).await.unwrap_err();
    }
    fetch(&source).await.unwrap();
    assert_eq!(used(&script), ["r1", "r2", "r2", "r2", "r2"]);
}

#[tokio::test]
async fn a_token_that_comes_without_a_usable_answer_is_kept_too() {
    let odd = r#"{"access_token":"a","token_type":"mac","refresh_token":"r2"}"#;
    let script = Script::of([Step::ok(odd), Step::ok(TOKEN)]);
    let builder = RefreshToken::at(URL)
        .refresh_token("r1")
        .public("my-client");
    let source = builder.build(script.clone()).unwrap();
    fetch(&source).await.unwrap_err();
    fetch(&source).await.unwrap();
    assert_eq!(used(&script), ["r1", "r2"]);
}

/// Answers when it is told to, and keeps what it was sent.
#[derive(Clone, Default)]
struct Slow {
    sent: Arc<Mutex<Vec<String>>>,
    arrived: Arc<Notify>,
    answer: Arc<Notify>,
}

impl Transport for Slow {
    async fn send(
        &self,
        request: Request<Bytes>,
        _limit: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        let number = {
            let mut sent = self.sent.lock().unwrap();
            sent.push(param(&body, "refresh_token").unwrap());
            sent.len()
        };
        self.arrived.notify_one();
        self.answer.notified().await;
        let next = number + 1;
        Ok(Response::new(Bytes::from(format!(
            r#"{{"access_token":"a{next}","token_type":"Bearer","refresh_token":"r{next}"}}"#
        ))))
    }
}

#[tokio::test]
async fn a_fetch_that_is_dropped_in_mid_air_loses_nothing() {
    let slow = Slow::default();
    let builder = RefreshToken::at(URL)
        .refresh_token("r1")
        .public("my-client");
    let source = builder.build(slow.clone()).unwrap();

    let dropped = tokio::spawn({
        let source = source.clone();
        async move { fetch(&source).await }
    });
    slow.arrived.notified().await;
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());

    // The next one waits until the answer to the first is in, and uses what it brought.
    let next = tokio::spawn({
        let source = source.clone();
        async move { fetch(&source).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(slow.sent.lock().unwrap().len(), 1);
    slow.answer.notify_one();
    slow.arrived.notified().await;
    slow.answer.notify_one();
    next.await.unwrap().unwrap();
    assert_eq!(*slow.sent.lock().unwrap(), ["r1", "r2"]);
}

#[tokio::test]
async fn two_sources_of_one_builder_share_it() {
    let builder = RefreshToken::at(URL)
        .refresh_token("r1")
        .public("my-client");
    let script = Script::of([rotated("r2"), rotated("r3")]);
    let one = builder.clone().build(script.clone()).unwrap();
    let two = builder.build(script.clone()).unwrap();
    fetch(&one).await.unwrap();
    fetch(&two).await.unwrap();
    assert_eq!(used(&script), ["r1", "r2"]);
}

#[test]
fn what_is_missing_is_named() {
    let builder = RefreshToken::at(URL).public("my-client");
    let error = builder.build(Script::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no refresh token is set: call refresh_token"
    );
    let builder = common::client().param("refresh_token", "r").in_query();
    assert!(build_error(builder).starts_with("the parameter \"refresh_token\" would stand"));
}

/// A store that a test moves by hand, and that may be down.
#[derive(Clone)]
struct Store(Arc<Mutex<Result<String, &'static str>>>);

impl Store {
    fn of(token: &str) -> (Self, Secret) {
        let store = Self(Arc::new(Mutex::new(Ok(token.to_owned()))));
        let read = store.clone();
        let secret = Secret::from_fn(move || {
            let held = read.0.lock().unwrap().clone();
            held.map_err(|down| Error::transient(down).context("the store is down"))
        });
        (store, secret)
    }

    fn set(&self, held: Result<&str, &'static str>) {
        *self.0.lock().unwrap() = held.map(str::to_owned);
    }
}

const SPENT: &str = r#"{"error":"invalid_grant"}"#;

#[tokio::test]
async fn a_store_that_lags_never_brings_a_spent_token_back() {
    let (store, secret) = Store::of("r0");
    let script = Script::of([
        rotated("r1"),
        rotated("r2"),
        Step::ok(TOKEN),
        Step::ok(TOKEN),
    ]);
    let builder = RefreshToken::at(URL).refresh_token(secret).public("id");
    let source = builder.build(script.clone()).unwrap();
    fetch(&source).await.unwrap();
    fetch(&source).await.unwrap();
    store.set(Ok("r1"));
    fetch(&source).await.unwrap();
    store.set(Ok("signed in again"));
    fetch(&source).await.unwrap();
    assert_eq!(used(&script), ["r0", "r1", "r2", "signed in again"]);
}

#[tokio::test]
async fn a_refused_token_is_not_sent_again() {
    let (store, secret) = Store::of("r0");
    let script = Script::of([Step::status(400, SPENT), Step::ok(TOKEN)]);
    let builder = RefreshToken::at(URL).refresh_token(secret).public("id");
    let source = builder.build(script.clone()).unwrap();
    for _ in 0..3 {
        let error = fetch(&source).await.unwrap_err();
        assert!(error.is_permanent());
        assert_eq!(error.code(), Some("invalid_grant"));
    }
    store.set(Ok("signed in again"));
    fetch(&source).await.unwrap();
    assert_eq!(used(&script), ["r0", "signed in again"]);
}

#[tokio::test]
async fn a_store_that_is_down_leaves_the_token_in_memory() {
    let (store, secret) = Store::of("r0");
    let script = Script::of([rotated("r1"), Step::ok(TOKEN)]);
    let builder = RefreshToken::at(URL).refresh_token(secret).public("id");
    let source = builder.build(script.clone()).unwrap();
    fetch(&source).await.unwrap();
    store.set(Err("connection refused"));
    fetch(&source).await.unwrap();
    assert_eq!(used(&script), ["r0", "r1"]);

    let (store, secret) = Store::of("r0");
    store.set(Err("connection refused"));
    let builder = RefreshToken::at(URL).refresh_token(secret).public("id");
    let source = builder.build(Script::default()).unwrap();
    let error = fetch(&source).await.unwrap_err();
    assert_eq!(error.to_string(), "the store is down");
}

#[tokio::test]
async fn a_callback_that_panics_costs_no_token() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = told.clone();
    let script = Script::of([rotated("r1"), Step::ok(TOKEN), Step::ok(TOKEN)]);
    let source = RefreshToken::at(URL)
        .refresh_token("r0")
        .on_rotation(move |token| {
            let mut told = telling
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            told.push(token.to_owned());
            assert!(told.len() > 1, "the store is not there yet");
        })
        .public("id")
        .build(script.clone())
        .unwrap();
    let credential = fetch(&source).await.unwrap();
    assert_eq!(credential.header_value(), "Bearer a");
    fetch(&source).await.unwrap();
    fetch(&source).await.unwrap();
    assert_eq!(used(&script), ["r0", "r1", "r1"]);
    // Told again before the next request, and not once more when that went well.
    let told = told
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    assert_eq!(*told, ["r1", "r1"]);
}

#[tokio::test(start_paused = true)]
async fn after_an_uncertain_end_it_is_sent_once_more() {
    for uncertain in [
        (|| Step::Fail(Phase::Exchange)) as fn() -> Step,
        || Step::Fail(Phase::ExchangeTimeout),
        || Step::Hang,
        || Step::status(502, ""),
    ] {
        let script = Script::of([uncertain(), uncertain()]);
        let builder = RefreshToken::at(URL).refresh_token("r0").public("id");
        let source = builder.build(script.clone()).unwrap();
        assert!(fetch(&source).await.unwrap_err().is_transient());
        assert_eq!(used(&script), ["r0", "r0"]);

        let script = Script::of([uncertain(), Step::status(400, SPENT)]);
        let builder = RefreshToken::at(URL).refresh_token("r0").public("id");
        let source = builder.build(script.clone()).unwrap();
        assert!(fetch(&source).await.unwrap_err().is_permanent());
        assert!(fetch(&source).await.unwrap_err().is_permanent());
        assert_eq!(used(&script), ["r0", "r0"]);
    }
    // What certainly never left may be sent as often as any other request.
    let script = Script::of([
        Step::Fail(Phase::Connect),
        Step::Fail(Phase::Connect),
        Step::ok(TOKEN),
    ]);
    let builder = RefreshToken::at(URL).refresh_token("r0").public("id");
    fetch(&builder.build(script).unwrap()).await.unwrap();
}
