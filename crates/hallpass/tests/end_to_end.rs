//! The whole way over real sockets: layer, engine, token endpoint, API.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use common::{SECRET, call, collect, post, send, server, source};
use hallpass::{Attempt, BearerLayer, ClientCredentials, Profile};
use hallpass_testkit::{Server, System};
use http::{Request, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{Empty, Full};
use tower::ServiceBuilder;

/// A body of unknown length that comes in pieces of 4 KiB, each with its number in it.
struct Pieces {
    next: u32,
    count: u32,
}

impl Pieces {
    const SIZE: usize = 4096;

    fn of(bytes: usize) -> Self {
        Self {
            next: 0,
            count: u32::try_from(bytes / Self::SIZE).unwrap(),
        }
    }

    fn piece(number: u32) -> Bytes {
        let mut piece = vec![b'.'; Self::SIZE];
        piece[..4].copy_from_slice(&number.to_be_bytes());
        piece.into()
    }

    fn whole(&self) -> Bytes {
        (0..self.count).flat_map(Self::piece).collect()
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let number = self.next;
        self.next += 1;
        Poll::Ready((number < self.count).then(|| Ok(Frame::data(Self::piece(number)))))
    }
}

fn get(url: String) -> Request<Empty<Bytes>> {
    Request::get(url).body(Empty::new()).unwrap()
}

#[tokio::test]
async fn a_streamed_post_of_32_kib_is_replayed_byte_for_byte() {
    let server = server().await;
    let cached = source(&server);
    let url = format!("{}/upload", server.url());
    send(&cached, get(url.clone())).await;
    server.revoke_all();

    let pieces = Pieces::of(32 * 1024);
    let whole = pieces.whole();
    let response = send(&cached, Request::post(url).body(pieces).unwrap()).await;

    assert_eq!(response.status(), StatusCode::OK);
    let attempt = response.extensions().get::<Attempt>().unwrap();
    assert!(attempt.replayed && attempt.generation == 2, "{attempt:?}");
    let journal = server.journal();
    let posts: Vec<_> = journal.api().skip(1).collect();
    assert_eq!(
        posts.iter().map(|post| post.status).collect::<Vec<_>>(),
        [401, 200]
    );
    assert_eq!(posts[1].body, whole);
    assert_eq!(journal.token_requests(), 2);
}

#[tokio::test]
async fn a_streamed_post_of_1_mib_comes_back_as_401_and_its_credential_is_dropped() {
    let server = server().await;
    let cached = source(&server);
    let url = format!("{}/upload", server.url());
    send(&cached, get(url.clone())).await;
    server.revoke_all();

    let large = Request::post(url.clone())
        .body(Pieces::of(1024 * 1024))
        .unwrap();
    let response = send(&cached, large).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(cached.stats().rejections, 1);
    assert_eq!(server.journal().api_with_status(401), 1);

    let next = send(&cached, get(url)).await;
    assert_eq!(next.status(), StatusCode::OK);
    assert_eq!(server.journal().token_requests(), 2);
}

#[tokio::test]
async fn an_answer_before_the_body_was_read_is_replayed_in_full() {
    let server = server().await;
    let cached = source(&server);
    let url = format!("{}/upload", server.url());
    send(&cached, get(url.clone())).await;
    server.revoke_all();
    server.api().answer_early(true);

    let pieces = Pieces::of(48 * 1024);
    let whole = pieces.whole();
    let response = send(&cached, Request::post(url).body(pieces).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let journal = server.journal();
    assert_eq!(journal.api().next_back().unwrap().body, whole);
}

#[tokio::test]
async fn a_403_is_left_alone() {
    let server = server().await;
    let cached = source(&server);
    let response = send(&cached, get(format!("{}/forbidden", server.url()))).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(cached.stats().rejections, 0);
    assert_eq!(server.journal().token_requests(), 1);
}

#[tokio::test]
async fn a_thousand_calls_after_a_mass_revocation_cost_one_token_request() {
    let server = server().await;
    let cached = source(&server);
    let url = format!("{}/items", server.url());
    let client = ServiceBuilder::new()
        .layer(BearerLayer::new(cached.clone()))
        .service(
            hallpass::hyper::Builder::new()
                .http2_only()
                .client()
                .unwrap(),
        );
    call(&mut client.clone(), post(url.clone(), "warm"))
        .await
        .unwrap();
    server.revoke_all();

    let calls: Vec<_> = (0..1000)
        .map(|number| {
            let mut client = client.clone();
            let request = post(url.clone(), format!("body {number}"));
            tokio::spawn(async move { call(&mut client, request).await.unwrap().status() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(server.journal().token_requests(), 2);
    assert_eq!(cached.stats().rejections, 1);
}

#[tokio::test]
async fn a_dead_token_endpoint_is_a_typed_error_and_nothing_is_sent_bare() {
    let server = server().await;
    server
        .token_endpoint()
        .fail_next(10, 503)
        .retry_after(12_u64);
    let cached = source(&server);
    let mut client = ServiceBuilder::new()
        .layer(BearerLayer::new(cached.clone()))
        .service(hallpass::hyper::client().unwrap());
    let error = call(&mut client, post(server.url(), "x"))
        .await
        .unwrap_err();
    let hallpass::tower::Error::Credential(error) = error else {
        panic!("{error}");
    };
    assert!(error.is_transient());
    assert!(error.retry_after().unwrap().as_secs() >= 11, "{error:?}");
    assert_eq!(server.journal().api_requests(), 0);

    // The remembered failure is handed out at once; no second request reaches the endpoint.
    let again = cached.get().await.unwrap_err();
    // The server's 12 s, and up to a tenth more so that not all clients come back at once.
    let said = again.to_string();
    assert!(
        (12..=14).any(|seconds| said.contains(&format!("next attempt in {seconds} s"))),
        "{said}"
    );
    assert_eq!(server.journal().token_requests(), 1);
}

#[tokio::test]
async fn wrong_credentials_say_what_to_check() {
    let server = server().await;
    let source = ClientCredentials::at(server.token_url())
        .basic("client", format!("{SECRET}\n"))
        .build(hallpass::hyper::transport().unwrap())
        .unwrap();
    let cached = hallpass::Cached::new(source);
    let error = cached.get().await.unwrap_err();
    assert!(error.is_permanent());
    let text = error.to_string();
    assert!(
        text.contains("refused client \"client\" (invalid_client)"),
        "{text}"
    );
    assert!(text.contains("the secret ends with a line break"), "{text}");
    assert!(!text.contains(SECRET));
}

/// Each system insists on its own request, so a 200 says that the shipped profile makes it.
#[tokio::test]
async fn every_shipped_profile_gets_through_to_the_system_it_describes() {
    for (system, name, path) in [
        (System::Atlar, "atlar", "/financial-data/v2/accounts"),
        (System::Is2, "is2", "/api/v1/accountreports"),
        (
            System::Ataccama,
            "ataccama",
            "/api/reference-data/v1/tables",
        ),
        (System::Atomic, "atomic", "/v1/environments"),
        (System::Unnamed, "oauth-v2", "/anything"),
        (System::Generic, "generic", "/anything"),
    ] {
        let server = Server::builder().system(system).realm("acme").start().await;
        let client = &server.clients()[0];
        let source = Profile::named(name)
            .unwrap()
            .token_url(server.token_url())
            .origins([server.url()])
            .client(client.id.as_str(), client.secret.as_str())
            .build(hallpass::hyper::transport().unwrap())
            .unwrap();
        let mut client = ServiceBuilder::new()
            .layer(BearerLayer::new(source))
            .service(hallpass::hyper::client().unwrap());
        let request = || {
            Request::get(format!("{}{path}", server.url()))
                .body(Full::<Bytes>::default())
                .unwrap()
        };
        let first = call(&mut client, request()).await.unwrap();
        assert_eq!(first.status(), StatusCode::OK, "{name}");
        server.revoke_all();
        let second = collect(call(&mut client, request()).await.unwrap()).await;
        assert_eq!(second.status(), StatusCode::OK, "{name}");
        assert_eq!(server.journal().token_requests(), 2, "{name}");
    }
}
