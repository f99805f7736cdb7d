//! Everything is revoked at once, and a request finds one dead token after the other.

use std::convert::Infallible;

use crate::common::{HOUR, Source, cached, token};
use hallpass_core::{Authorizer, Cached};
use http::{Request, Response, header::AUTHORIZATION};

/// What a request is answered by a server that accepts this token alone, and with which it was sent.
async fn send(cached: &Cached, accepted: &str) -> (u16, Vec<String>) {
    let mut sent = Vec::new();
    let request = Request::get("https://api.example/").body(()).unwrap();
    let answer = |request: Request<()>| {
        let value = request.headers()[AUTHORIZATION].to_str().unwrap();
        let status = if value == accepted { 200 } else { 401 };
        sent.push(value.to_owned());
        let response = Response::builder().status(status).body(());
        std::future::ready(Ok::<_, Infallible>(response.unwrap()))
    };
    let authorizer = Authorizer::new(cached.clone());
    let response = authorizer.run(request, answer).await.unwrap();
    (response.status().as_u16(), sent)
}

#[tokio::test(start_paused = true)]
async fn what_a_source_had_already_is_replaced_for_the_same_request() {
    let source = Source::new(|number, fetch| {
        if number == 2 {
            fetch.found_existing();
        }
        Ok(token(number, HOUR))
    });
    let cached = cached(&source).0;
    let (status, sent) = send(&cached, "Bearer token-3").await;
    assert_eq!(status, 200);
    assert_eq!(sent, ["Bearer token-1", "Bearer token-2", "Bearer token-3"]);
    assert_eq!(source.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_was_fetched_for_the_refusal_is_not_replaced_in_turn() {
    let source = Source::tokens(HOUR);
    let cached = cached(&source).0;
    for sendings in [2, 1, 1] {
        let (status, sent) = send(&cached, "none").await;
        assert_eq!((status, sent.len()), (401, sendings));
    }
    assert_eq!(source.fetches(), 2);
}
