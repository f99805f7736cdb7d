//! Secrets: when they are read, when a change counts, and that nothing shows them.

#[path = "it/common/mod.rs"]
mod common;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use common::{Script, Step, TOKEN, URL, chain, events::Events, fetch};
use hallpass_core::{Cached, CredentialSource as _, Error};
use hallpass_oauth2::{Basic, ClientCredentials, Profile, Secret, Static};

#[tokio::test]
async fn a_variable_is_read_at_each_fetch() {
    let seen =
        common::sent(ClientCredentials::at(URL).post("id", Secret::env("CARGO_PKG_NAME"))).await;
    assert!(seen.body.ends_with("client_secret=hallpass-oauth2"));
}

#[tokio::test]
async fn a_function_is_asked_at_each_fetch() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let secret = Secret::from_fn(move || match counted.fetch_add(1, Ordering::Relaxed) {
        2 => Err(Error::transient(io::Error::other("vault is sealed")).context("no secret")),
        n => Ok(format!("secret{n}")),
    });
    let script = Script::of([Step::ok(TOKEN), Step::ok(TOKEN)]);
    let source = ClientCredentials::at(URL)
        .post("id", secret)
        .build(script.clone())
        .unwrap();
    fetch(&source).await.unwrap();
    fetch(&source).await.unwrap();
    let error = fetch(&source).await.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(error.to_string(), "no secret");
    let seen = script.seen();
    assert!(seen[0].body.ends_with("secret0") && seen[1].body.ends_with("secret1"));
}

#[tokio::test]
async fn the_same_secret_serves_every_retry_of_one_fetch() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let secret = Secret::from_fn(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok("s".to_owned())
    });
    let script = Script::of([Step::status(502, ""), Step::ok(TOKEN)]);
    let source = ClientCredentials::at(URL)
        .post("id", secret)
        .build(script)
        .unwrap();
    fetch(&source).await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_secret_ends_a_remembered_refusal() {
    let (secret, handle) = Secret::rotating("old");
    let script = Script::of([Step::status(401, ""), Step::ok(TOKEN)]);
    let source = ClientCredentials::at(URL)
        .post("id", secret)
        .build(script.clone())
        .unwrap();
    let before = source.version();
    let cached = Cached::new(source.clone());
    assert!(cached.get().await.unwrap_err().is_permanent());
    assert!(cached.get().await.unwrap_err().is_permanent());
    assert_eq!(script.seen().len(), 1, "the refusal is remembered");

    handle.set("new");
    assert_ne!(source.version(), before);
    cached.get().await.unwrap();
    assert!(script.only().body.ends_with("client_secret=new"));
}

#[test]
fn versions_hold_still_while_nothing_changes() {
    let source = ClientCredentials::at(URL)
        .basic(
            Secret::env("CARGO_PKG_NAME"),
            Secret::env("HALLPASS_TEST_NEVER_SET"),
        )
        .build(Script::default())
        .unwrap();
    assert_eq!(source.version(), source.clone().version());
}

#[tokio::test(start_paused = true)]
async fn nothing_shows_a_secret_at_any_level() {
    let events = Events::gather();

    let odd = r#"{"access_token":"t0ken+s3cr3t","token_type":"Bearer","expires_in":-1,"scope":[]}"#;
    let answers = || {
        [
            Step::Fail(hallpass_oauth2::transport::Phase::Exchange),
            Step::ok(odd),
            Step::status(401, r#"{"error":"invalid_client"}"#),
            Step::ok(r#"{"access_token":"s3cr3t","#),
            Step::ok(r#"{"access_token":"s3cr3t","token_type":"mac"}"#),
            Step::status(500, "s3cr3t"),
        ]
    };
    let mut shown = Vec::new();
    let at = || ClientCredentials::at("https://auth.example.com/t?k=s3cr3t").param("p", "s3cr3t");
    for builder in [
        at().basic("id", "s3cr3t"),
        at().basic_raw("id", "s3cr3t"),
        at().post("id", "s3cr3t").header("x-key", "s3cr3t"),
    ] {
        shown.push(format!("{builder:?}"));
        let source = builder.build(Script::of(answers())).unwrap();
        shown.push(format!("{source:?}{:?}", source.description()));
        for _ in 0..5 {
            match fetch(&source).await {
                Ok(credential) => shown.push(format!("{credential:?}")),
                Err(error) => shown.push(format!("{error:?}{}", chain(&error))),
            }
        }
    }
    let (rotating, handle) = Secret::rotating("s3cr3t");
    shown.push(format!(
        "{:?}{rotating:?}{handle:?}",
        Secret::from("s3cr3t")
    ));
    shown.push(format!("{:?}", Secret::from_fn(|| Ok("s3cr3t".to_owned()))));
    shown.push(format!("{:?}", Basic::new("s3cr3t", "s3cr3t")));
    shown.push(format!("{:?}", Static::bearer("s3cr3t").unwrap()));
    let profile = Profile::named("is2").unwrap().var("realm", "s3cr3t");
    shown.push(format!("{profile:?}"));
    shown.push(events.take());
    let shown = shown.concat();

    assert!(shown.contains("expires_in is odd"), "the capture works");
    // base64 of "id:s3cr3t" too.
    assert!(
        !shown.contains("s3cr3t") && !shown.contains("aWQ6"),
        "{shown}"
    );
}
