//! Secrets are overwritten before their memory is freed, where it is this crate's own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "it/common/mod.rs"]
mod common;
#[path = "it/common/memory.rs"]
mod memory;

use std::{convert::Infallible, sync::Arc};

use common::{HOUR, Source};
use hallpass_core::{Authorizer, Cached, Credential, Identity};
use http::{HeaderMap, HeaderName, Method, Request, Response, Uri};
use memory::Marker;

/// The search itself finds what was freed as it was.
#[test]
fn what_is_not_overwritten_is_found() {
    let marker = Marker::random();
    assert_eq!(marker.copies(), 0);
    let text = marker.text();
    assert_eq!(marker.copies(), 1);
    // Long enough that no other allocation takes its place at once.
    let copies: Vec<String> = (0..64).map(|_| text.repeat(40)).collect();
    drop((text, copies));
    assert!(marker.copies() > 0);
}

#[test]
fn nothing_is_left_of_a_credential() {
    let marker = Marker::random();
    for kind in 0..3 {
        let credential = match kind {
            0 => Credential::bearer(&marker.text()),
            1 => Credential::basic("user", &marker.text()),
            _ => Credential::header(HeaderName::from_static("x-api-key"), &marker.text()),
        }
        .unwrap();
        let value = credential.header_value().to_str().unwrap();
        let shown = if kind == 1 {
            Marker::of(&value[20..])
        } else {
            Marker::of(value)
        };
        let clone = credential.clone().lives_for(HOUR).with_scope("read");
        let mut headers = HeaderMap::new();
        let uri = Uri::from_static("https://api.example/");
        clone.attach(&Method::GET, &uri, &mut headers).unwrap();
        drop(credential);
        assert_eq!(shown.copies(), 1, "one for all clones and requests: {kind}");
        drop(clone);
        assert_eq!(shown.copies(), 1, "still on the request: {kind}");
        drop(headers);
        assert_eq!((shown.copies(), marker.copies()), (0, 0), "{kind}");
    }
}

#[test]
fn nothing_is_left_of_an_identity() {
    let marker = Marker::random();
    let mut identity = Identity::new("acme").part("subject", marker.text().as_bytes());
    for _ in 0..20 {
        // It grows, and moves.
        identity = identity.part("tenant", [b'x'; 100]);
    }
    let same = identity.clone();
    assert_eq!(marker.copies(), 2);
    drop((identity, same));
    assert_eq!(marker.copies(), 0);
}

/// With a refusal and a replay, which leave the engine nothing to keep the first one for.
#[tokio::test]
async fn nothing_is_left_of_what_was_replaced() {
    let markers: Arc<[Marker; 2]> = Arc::new([Marker::random(), Marker::random()]);
    let kept = Arc::clone(&markers);
    let source = Source::new(move |n, _| {
        let marker = &kept[usize::try_from(n - 1).unwrap()];
        Ok(Credential::bearer(&marker.text())?.lives_for(HOUR))
    });
    let authorizer = Authorizer::new(Cached::new(source));
    let mut sent = 0;
    let mut sending = |_: Request<()>| {
        sent += 1;
        let status = if sent == 1 { 401 } else { 200 };
        let response = Response::builder().status(status).body(()).unwrap();
        std::future::ready(Ok::<_, Infallible>(response))
    };
    // A thread that uses the engine lets go of what it has used before.
    for _ in 0..2 {
        let request = Request::get("https://api.example/").body(()).unwrap();
        let response = authorizer.run(request, &mut sending).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    assert_eq!(markers[0].copies(), 0, "it was refused and replaced");
    assert_eq!(markers[1].copies(), 1);
    let current = authorizer.cached().get().await.unwrap();
    drop((current, authorizer));
    assert_eq!(markers[1].copies(), 0);
}
