//! Quick retries within one fetch, and its deadlines.

use std::time::Duration;

use hallpass_core::{Cached, CredentialSource as _, Fetch};
use hallpass_oauth2::{ATTEMPT_DEADLINE, QUICK_RETRIES, transport::Phase};
use tokio::time::Instant;

use crate::common::{Script, Step, TOKEN, client, fetch};

#[tokio::test(start_paused = true)]
async fn a_dead_connection_is_tried_again_at_once() {
    for first in [
        Step::Fail(Phase::Exchange),
        Step::Fail(Phase::Connect),
        Step::status(502, "<html>"),
        Step::status(503, ""),
        Step::status(504, ""),
    ] {
        let script = Script::of([first, Step::Fail(Phase::Exchange), Step::ok(TOKEN)]);
        let start = Instant::now();
        assert!(
            fetch(&client().build(script.clone()).unwrap())
                .await
                .is_ok()
        );
        let at: Vec<_> = script.seen().iter().map(|seen| seen.at - start).collect();
        assert_eq!(at.len(), 3);
        assert!(at[1] >= QUICK_RETRIES[0] && at[1] < QUICK_RETRIES[0] * 2);
        assert!(at[2] >= at[1] + QUICK_RETRIES[1]);
    }
}

#[tokio::test(start_paused = true)]
async fn after_two_retries_the_last_failure_is_the_answer() {
    let script = Script::of([
        Step::status(502, ""),
        Step::status(503, ""),
        Step::Fail(Phase::Exchange),
    ]);
    let error = fetch(&client().build(script.clone()).unwrap())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the connection to https://auth.example.com ended before its answer was whole"
    );
    assert!(error.is_transient());
    assert_eq!(script.seen().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn other_failures_are_left_to_the_engine() {
    for (step, expected) in [
        (
            Step::Fail(Phase::TooLarge),
            "https://auth.example.com answered with more than 1 MiB",
        ),
        (
            Step::status(503, "").with("retry-after", "7"),
            "https://auth.example.com answered 503; next attempt in 7 s",
        ),
        (
            Step::status(500, ""),
            "https://auth.example.com answered 500",
        ),
        (
            Step::ok("{}"),
            "https://auth.example.com answered 200 without an access token",
        ),
    ] {
        let script = Script::of([step]);
        let error = fetch(&client().build(script.clone()).unwrap())
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(error.is_transient());
        script.only();
    }
}

#[tokio::test(start_paused = true)]
async fn what_hangs_is_tried_again_while_there_is_time() {
    let script = Script::of([Step::Hang, Step::ok(TOKEN)]);
    let start = Instant::now();
    fetch(&client().build(script.clone()).unwrap())
        .await
        .unwrap();
    assert!(start.elapsed() < ATTEMPT_DEADLINE + Duration::from_secs(1));
    let seen = script.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].limit, ATTEMPT_DEADLINE);

    for (step, phase) in [
        ((|| Step::Hang) as fn() -> Step, ""),
        (|| Step::Fail(Phase::ConnectTimeout), " (connect)"),
        (|| Step::Fail(Phase::ExchangeTimeout), " (answer)"),
    ] {
        let script = Script::of([step(), step(), step()]);
        let source = client().build(script.clone()).unwrap();
        let error = source.fetch(&Fetch::first()).await.unwrap_err();
        assert!(error.is_timeout());
        let expected = format!("no token from https://auth.example.com within 30 s{phase}");
        assert_eq!(error.to_string(), expected);
        assert_eq!(script.seen().len(), 3);
    }

    let script = Script::of([Step::Hang, Step::Hang, Step::Hang]);
    let short = client().attempt_deadline(Duration::from_millis(250));
    let error = fetch(&short.build(script).unwrap()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no token from https://auth.example.com within 0.75 s"
    );
}

#[tokio::test(start_paused = true)]
async fn the_fetchs_deadline_is_respected() {
    let why = Fetch::first();
    tokio::time::advance(why.limit().saturating_sub(Duration::from_secs(2))).await;
    let script = Script::of([Step::Hang]);
    let source = client().build(script.clone()).unwrap();
    assert!(source.fetch(&why).await.unwrap_err().is_timeout());
    assert!(script.only().limit <= Duration::from_secs(2));

    let why = Fetch::first();
    tokio::time::advance(why.limit().saturating_sub(Duration::from_millis(50))).await;
    let script = Script::of([Step::Fail(Phase::Exchange)]);
    let source = client().build(script.clone()).unwrap();
    assert!(source.fetch(&why).await.is_err());
    assert_eq!(script.seen().len(), 1, "no pause fits before the deadline");

    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(source.fetch(&why).await.unwrap_err().is_timeout());
    assert!(script.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn it_works_below_the_engine() {
    let script = Script::of([Step::Fail(Phase::Exchange), Step::ok(TOKEN)]);
    let cached = Cached::new(client().build(script).unwrap());
    let credential = cached.get().await.unwrap();
    assert_eq!(credential.header_value(), "Bearer t0ken");
    assert_eq!(cached.get().await.unwrap().generation(), 1);
}
