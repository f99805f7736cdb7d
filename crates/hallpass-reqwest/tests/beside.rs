//! Beside reqwest-retry and reqwest-tracing, in every order.
#![cfg(all(feature = "rustls", feature = "transport"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::time::Duration;

use common::{attempt, cached, reason, shown, statuses};
use hallpass_core::{Cached, Challenges};
use hallpass_reqwest::Bearer;
use hallpass_testkit::Server;
use http::Extensions;
use reqwest::{Body, Client, Request, Response, redirect::Policy};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};
use reqwest_tracing::TracingMiddleware;

fn retry() -> RetryTransientMiddleware<ExponentialBackoff> {
    let policy = ExponentialBackoff::builder()
        .retry_bounds(Duration::from_millis(1), Duration::from_millis(2))
        .build_with_max_retries(3);
    RetryTransientMiddleware::new_with_policy(policy)
}

const ORDERS: [[char; 3]; 6] = [
    ['t', 'r', 'b'],
    ['t', 'b', 'r'],
    ['r', 't', 'b'],
    ['r', 'b', 't'],
    ['b', 't', 'r'],
    ['b', 'r', 't'],
];

/// Tracing, retry and bearer, the outermost first.
fn stack(order: [char; 3], cached: &Cached) -> ClientWithMiddleware {
    let inner = Client::builder().redirect(Policy::none()).build().unwrap();
    let mut builder = ClientBuilder::new(inner);
    for one in order {
        builder = match one {
            't' => builder.with(TracingMiddleware::default()),
            'r' => builder.with(retry()),
            _ => builder.with(Bearer::new(cached.clone()).assume_no_redirects()),
        };
    }
    builder.build()
}

#[tokio::test]
async fn any_order_retries_and_replays() {
    for order in ORDERS {
        let server = Server::start().await;
        let cached = cached(&server);
        let client = stack(order, &cached);
        cached.get().await.unwrap();
        server.api().fail_next(2, 503);
        let send = || client.post(server.url()).body("abc").send();
        assert_eq!(send().await.unwrap().status(), 200);

        server.revoke_all();
        let response = send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(attempt(&response), Some((2, true, true)), "{order:?}");

        server.revoke_all();
        server.api().fail_next(2, 503);
        assert_eq!(send().await.unwrap().status(), 200);
        assert_eq!(
            statuses(&server),
            [503, 503, 200, 401, 200, 503, 503, 401, 200],
            "{order:?}"
        );
        assert_eq!(cached.stats().fetches, 3);
    }
}

#[tokio::test]
async fn a_credential_error_is_found_through_all_of_them_and_not_retried() {
    for order in ORDERS {
        let server = Server::start().await;
        server.token_endpoint().fail_next(100, 400);
        let client = stack(order, &cached(&server));
        let error = client.get(server.url()).send().await.unwrap_err();
        assert!(reason(&error).is_permanent(), "{order:?} {}", shown(&error));
        assert_eq!(server.journal().entries().len(), 1, "{order:?}");
    }
}

#[tokio::test]
async fn a_stream_is_refused_by_retry_alone() {
    let server = Server::start().await;
    let cached = cached(&server);
    let send = |order| {
        let body = Body::wrap(http_body_util::Full::new(bytes::Bytes::from("abc")));
        stack(order, &cached).post(server.url()).body(body).send()
    };
    for order in ORDERS {
        let error = send(order).await.unwrap_err();
        assert!(hallpass_reqwest::credential_error(&error).is_none());
    }
}

/// With retry outside, a retried request gets the credential that is current then; with retry
/// inside, it carries the one that the first try had.
#[tokio::test]
async fn outside_is_where_retry_belongs() {
    for (order, generations) in [(['t', 'r', 'b'], 2), (['t', 'b', 'r'], 1)] {
        let server = Server::start().await;
        let cached = cached(&server);
        cached.get().await.unwrap();
        server.api().fail_next(1, 503);
        let hold = server.api().hold();
        let sending = tokio::spawn(stack(order, &cached).get(server.url()).send());
        hold.arrived(1).await;
        // Somebody else's request met a refusal meanwhile.
        let old = cached.get().await.unwrap();
        cached.reject(&old, &Challenges::default());
        cached.get().await.unwrap();
        hold.release();
        assert_eq!(sending.await.unwrap().unwrap().status(), 200);
        let journal = server.journal();
        let mut tokens: Vec<_> = journal.api().map(|entry| entry.bearer().unwrap()).collect();
        tokens.dedup();
        assert_eq!(tokens.len(), generations, "{order:?}");
    }
}

/// Holds each request back until another credential is in hand.
struct HoldsBack(Cached);

#[async_trait::async_trait]
impl Middleware for HoldsBack {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let future = next.run(request, extensions);
        self.0
            .reject(&self.0.get().await.unwrap(), &Challenges::default());
        self.0.get().await.unwrap();
        future.await
    }
}

#[tokio::test]
async fn a_request_that_is_held_back_gets_the_credential_of_when_it_goes() {
    let server = Server::start().await;
    let cached = cached(&server);
    cached.get().await.unwrap();
    let bearer = Bearer::new(cached.clone()).report_attempts();
    let client = bearer
        .client_with(Client::builder(), |outer| outer.with(HoldsBack(cached)))
        .unwrap();
    let response = client.get(server.url()).send().await.unwrap();
    assert_eq!(attempt(&response), Some((2, false, false)));
}
