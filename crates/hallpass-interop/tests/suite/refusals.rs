//! A refusal says whom and what to check, and is permanent if it carries a code.

use std::time::Duration;

use hallpass::{Cached, Error, Policy};

use crate::{
    kinds::Kind,
    kit::{BASIC, Failed, Way, api, ask, built, get, grant, refusal, transport, url, usual},
};

at_each_server!(
    wrong_secret,
    unknown_client,
    wrong_path,
    unknown_scope,
    a_refusal_is_remembered
);

/// That it says all of this, and nothing secret.
fn assert_says(error: &Error, permanent: bool, parts: &[&str]) {
    let message = error.to_string();
    assert_eq!(error.is_permanent(), permanent, "{error:?}");
    assert!(!error.is_timeout(), "{error:?}");
    assert!(!message.contains("hunter2"), "{message}");
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing: {message}");
    }
}

async fn wrong_secret(kind: &'static Kind) {
    let server = kind.running();
    for (way, reason) in [Way::Encoded, Way::Body].into_iter().zip(kind.wrong_secret) {
        let grant = grant(url(&server, kind.token), way, (BASIC.0, "hunter2")).scope("read");
        assert_says(
            &refusal(grant).await,
            kind.names_refusals,
            &["refused client \"basic\" ", reason],
        );
    }

    // A secret that was copied with its line break.
    let grant = grant(
        url(&server, kind.token),
        Way::Encoded,
        (BASIC.0, "basic-secret\n"),
    );
    let error = refusal(grant.scope("read")).await;
    assert_says(
        &error,
        kind.names_refusals,
        &["the secret ends with a line break"],
    );
}

async fn unknown_client(kind: &'static Kind) {
    let server = kind.running();
    let ways = [Way::Encoded, Way::Body].into_iter();
    for (way, reason) in ways.zip(kind.unknown_client) {
        let grant = grant(url(&server, kind.token), way, ("nobody", "hunter2")).scope("read");
        assert_says(
            &refusal(grant).await,
            kind.names_refusals,
            &["refused client \"nobody\" ", reason],
        );
    }
}

async fn wrong_path(kind: &'static Kind) {
    let server = kind.running();
    let wrong = format!("{}-of-another-server", url(&server, kind.token));
    let error = refusal(grant(wrong.clone(), Way::Encoded, BASIC).scope("read")).await;
    // A gateway answers 404 too while the server behind it is being replaced.
    assert_says(
        &error,
        false,
        &[&wrong, " answered 404", "check the token URL"],
    );
}

async fn unknown_scope(kind: &'static Kind) {
    let server = kind.running();
    // An answer without a scope means the one that was asked for (RFC 6749 §5.1), even if the
    // server dropped it.
    for (asked, reason, granted) in [
        ("nonsense", kind.unknown_scope, "nonsense"),
        ("read nonsense", kind.partly_unknown_scope, "read"),
    ] {
        let grant = usual(kind, &server).scope(asked);
        match reason {
            Some(reason) => assert_says(
                &refusal(grant).await,
                kind.names_refusals,
                &["refused client \"basic\" ", reason],
            ),
            None => assert_eq!(ask(&built(grant)).await.unwrap().scope(), Some(granted)),
        }
    }
}

/// Through the whole stack: one attempt, however many requests, so that no account is locked. A
/// refusal without a code is tried again, ever more rarely.
async fn a_refusal_is_remembered(kind: &'static Kind) {
    let server = kind.running();
    let grant = grant(url(&server, kind.token), Way::Encoded, (BASIC.0, "hunter2"));
    let source = grant.scope("read").build(transport()).unwrap();
    let policy = Policy::default().patience(Duration::from_secs(1));
    let cached = Cached::builder(source).policy(policy).build();
    let api = api(&cached);
    let resource = url(&server, kind.resource);
    for _ in 0..3 {
        let Err(Failed::Credential(error)) = get(&api, &resource).await else {
            panic!("a request went out without a credential");
        };
        assert_says(
            &error,
            kind.names_refusals,
            &["refused client \"basic\" ", kind.wrong_secret[0]],
        );
        assert!(error.retry_after().is_some());
    }
    if kind.names_refusals {
        assert_eq!(cached.stats().fetches, 1);
    }
}
