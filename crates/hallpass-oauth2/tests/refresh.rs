//! The refresh-token grant: the latest token is used, and none is lost on the way.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use common::{Script, Step, TOKEN, URL, build_error, fetch, jws::param};
use hallpass_core::CredentialSource as _;
use hallpass_oauth2::{
    RefreshToken, Secret, Transport,
    transport::{Phase, TransportError},
};
use http::{Request, Response};
use tokio::sync::Notify;

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
