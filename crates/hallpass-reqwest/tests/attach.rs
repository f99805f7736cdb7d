//! Which requests get the credential, and which are left alone.
#![cfg(all(feature = "rustls", feature = "transport"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use common::{LONG, SHORT, attempt, cached, client, reason, shown, statuses, warm};
use hallpass_core::{
    Cached, Credential, CredentialSource, Description, Error, Fetch, NoCredential, Rejected,
};
use hallpass_reqwest::Bearer;
use hallpass_testkit::Server;
use http::{HeaderName, Version};
use reqwest::Client;

fn over_http2(bearer: Bearer) -> reqwest_middleware::ClientWithMiddleware {
    let builder = Client::builder().http2_prior_knowledge();
    bearer.client_from(builder).unwrap()
}

#[tokio::test]
async fn the_credential_in_hand_is_used() {
    for (http2, version) in [(false, Version::HTTP_11), (true, Version::HTTP_2)] {
        let server = Server::start().await;
        let bearer = Bearer::new(cached(&server));
        let client = if http2 {
            over_http2(bearer)
        } else {
            client(bearer)
        };
        for n in 0..3 {
            let response = client.get(server.url()).send().await.unwrap();
            assert_eq!(
                (response.status().as_u16(), response.version()),
                (200, version)
            );
            // Only the first had to wait.
            assert_eq!(attempt(&response), (n == 0).then_some((1, true, false)));
        }
        assert_eq!(server.journal().token_requests(), 1);
    }
}

#[tokio::test]
async fn attempts_are_reported_if_asked_for() {
    let server = Server::start().await;
    let cached = cached(&server);
    cached.get().await.unwrap();
    let client = client(Bearer::new(cached).report_attempts());
    let response = client.get(server.url()).send().await.unwrap();
    assert_eq!(attempt(&response), Some((1, false, false)));
}

#[tokio::test]
async fn a_header_of_the_caller_s_own_is_left_alone() {
    let server = Server::start().await;
    let (client, cached) = warm(&server).await;
    let request = client.get(server.url()).bearer_auth("my-own");
    assert_eq!(request.send().await.unwrap().status(), 401);
    // User information in the URL becomes such a header.
    let url = server.url().replace("://", "://user:password@");
    assert_eq!(client.get(url).send().await.unwrap().status(), 401);
    assert_eq!(statuses(&server), [401, 401]);
    assert_eq!(cached.stats().rejections, 0);

    let client = common::client(Bearer::new(cached).override_existing());
    let request = client.get(server.url()).bearer_auth("my-own");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn default_headers_of_the_client_give_way() {
    let server = Server::start().await;
    let mut headers = http::HeaderMap::new();
    headers.insert("authorization", "Bearer default".parse().unwrap());
    let inner = Client::builder().default_headers(headers);
    let client = Bearer::new(cached(&server)).client_from(inner).unwrap();
    assert_eq!(client.get(server.url()).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_request_may_go_without() {
    let server = Server::start().await;
    let cached = cached(&server);
    let client = client(Bearer::new(cached.clone()));
    let request = client.get(server.url()).with_extension(NoCredential);
    let response = request.send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), attempt(&response)),
        (401, None)
    );
    assert_eq!(server.journal().api().next().unwrap().bearer(), None);
    assert_eq!((cached.stats().fetches, cached.stats().rejections), (0, 0));
}

#[tokio::test]
async fn a_request_may_bring_a_credential_of_its_own() {
    let server = Server::start().await;
    let (client, usual) = warm(&server).await;
    let own = cached(&server);
    own.get().await.unwrap();
    let send = || client.get(server.url()).with_extension(own.clone()).send();
    assert_eq!(send().await.unwrap().status(), 200);
    server.revoke_all();
    assert_eq!(attempt(&send().await.unwrap()), Some((2, true, true)));
    assert_eq!((own.stats().rejections, usual.stats().rejections), (1, 0));
}

#[tokio::test]
async fn origins_decide_where_it_goes() {
    let (server, other) = (Server::start().await, Server::start().await);
    let named = cached(&server);
    let client = client(Bearer::new(named.clone()).origins([server.url()]).unwrap());
    assert_eq!(client.get(server.url()).send().await.unwrap().status(), 200);
    let abroad = client.get(other.url()).send().await.unwrap();
    assert_eq!(abroad.status(), 401);
    assert_eq!(other.journal().api().next().unwrap().bearer(), None);
    assert_eq!(named.stats().rejections, 0);

    let (client, _) = warm(&server).await;
    client.get(server.url()).send().await.unwrap();
    let error = client.get(other.url()).send().await.unwrap_err();
    assert!(reason(&error).is_destination());
    assert_eq!(statuses(&other), [401]);

    let anywhere = common::client(Bearer::new(cached(&server)).any_origin());
    anywhere.get(server.url()).send().await.unwrap();
    anywhere.get(other.url()).send().await.unwrap();
    assert!(
        other
            .journal()
            .api()
            .next_back()
            .unwrap()
            .bearer()
            .is_some()
    );
    assert!(Bearer::new(cached(&server)).origins([""; 0]).is_err());
}

#[tokio::test]
async fn plain_http_to_another_machine_is_refused() {
    let token = Credential::bearer("t0ken").unwrap().never_expires();
    let client = client(Bearer::new(token));
    let error = client
        .get("http://api.example/a?secret=s3cret")
        .send()
        .await
        .unwrap_err();
    assert!(reason(&error).is_destination());
    let reqwest_middleware::Error::Middleware(inner) = &error else {
        panic!("{error}");
    };
    assert!(inner.downcast_ref::<Error>().is_some());
    assert_eq!(
        error.to_string(),
        "no credential for the request to http://api.example"
    );
    let shown = shown(&error);
    assert!(shown.contains("use https"), "{shown}");
    assert!(
        !shown.contains("s3cret") && !shown.contains("t0ken"),
        "{shown}"
    );
}

#[tokio::test]
async fn no_credential_is_a_typed_error_and_nothing_is_sent() {
    let server = Server::start().await;
    server.token_endpoint().fail_next(10, 400);
    let client = client(Bearer::new(cached(&server)));
    let error = client.get(server.url()).send().await.unwrap_err();
    assert!(error.is_middleware());
    assert!(reason(&error).is_permanent());
    assert_eq!(server.journal().api_requests(), 0);
}

#[tokio::test]
async fn an_error_of_the_client_s_is_not_ours() {
    let server = Server::start().await;
    let (client, cached) = warm(&server).await;
    server.api().hang_up_next(1);
    let error = client.get(server.url()).send().await.unwrap_err();
    assert!(error.is_request());
    assert!(hallpass_reqwest::credential_error(&error).is_none());
    assert_eq!(cached.stats().rejections, 0);
}

#[tokio::test]
async fn the_wait_counts_against_the_request_s_timeout() {
    let server = Server::start().await;
    let hold = server.token_endpoint().hold();
    let client = client(Bearer::new(cached(&server)));
    let request = client.get(server.url()).timeout(SHORT);
    let error = request.send().await.unwrap_err();
    assert!(reason(&error).is_timeout(), "{}", shown(&error));
    hold.release();

    server.api().delay_next(1, LONG);
    let request = client.get(server.url()).timeout(Duration::from_secs(1));
    let error = request.send().await.unwrap_err();
    assert!(error.is_timeout() && !error.is_middleware());
}

#[tokio::test]
async fn a_timeout_for_every_request_covers_the_wait() {
    let server = Server::start().await;
    let hold = server.token_endpoint().hold();
    let bearer = Bearer::new(cached(&server)).timeout(SHORT);
    // A request's own timeout holds in its place.
    let hasty = client(bearer.clone());
    let started = tokio::time::Instant::now();
    let error = hasty.get(server.url()).send().await.unwrap_err();
    assert!(reason(&error).is_timeout(), "{}", shown(&error));
    assert!(started.elapsed() < SHORT * 5);
    let request = hasty.get(server.url()).timeout(SHORT * 5);
    tokio::join!(
        async {
            tokio::time::sleep(SHORT * 2).await;
            hold.release();
        },
        async { assert_eq!(request.send().await.unwrap().status(), 200) }
    );

    server.api().delay_next(1, LONG);
    let error = hasty.get(server.url()).send().await.unwrap_err();
    assert!(error.is_timeout() && !error.is_middleware());
}

#[tokio::test]
async fn a_header_of_the_caller_s_own_never_binds_or_fails() {
    let (server, other) = (Server::start().await, Server::start().await);
    let cached = cached(&server);
    let client = client(Bearer::new(cached.clone()));
    // Neither is the first origin bound by it…
    let request = client.get(other.url()).bearer_auth("my-own");
    assert_eq!(request.send().await.unwrap().status(), 401);
    assert_eq!(client.get(server.url()).send().await.unwrap().status(), 200);
    // …nor is it refused at a second one.
    let request = client.get(other.url()).bearer_auth("my-own");
    assert_eq!(request.send().await.unwrap().status(), 401);
    assert_eq!(cached.stats().rejections, 0);
}

/// Announces nothing, and so is taken for a bearer token.
struct Key;

impl CredentialSource for Key {
    async fn fetch(&self, _: &Fetch) -> Result<Credential, Error> {
        Credential::header(HeaderName::from_static("x-api-key"), "k3y")
    }
}

#[tokio::test]
async fn the_headers_of_a_credential_are_the_caller_s_cold_and_warm() {
    let server = Server::start().await;
    let client = client(Bearer::new(Key));
    for _ in 0..2 {
        for (header, seen) in [("x-api-key", "own"), ("authorization", "")] {
            let request = client.get(server.url()).header(header, "own");
            request.send().await.unwrap();
            let journal = server.journal();
            let key = journal.api().next_back().unwrap().header("x-api-key");
            assert_eq!(key.unwrap_or_default(), seen, "{header}");
        }
    }
    client.get(server.url()).send().await.unwrap();
    let journal = server.journal();
    let key = journal.api().next_back().unwrap().header("x-api-key");
    assert_eq!(key, Some("k3y"));
}

/// Another token each time, which a 419 refuses.
#[derive(Default)]
struct Expiring(AtomicU64);

impl CredentialSource for Expiring {
    async fn fetch(&self, _: &Fetch) -> Result<Credential, Error> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Credential::bearer(&format!("t0ken-{number}"))
    }

    fn description(&self) -> Description {
        let mut description = Description::default();
        description.rejected = Rejected::default().when(|status, _| status == 419);
        description
    }
}

#[tokio::test]
async fn a_credential_of_the_request_s_own_has_rules_of_its_own() {
    let server = Server::start().await;
    let usual = cached(&server);
    let client = client(Bearer::new(usual));
    let own = Cached::new(Expiring::default());
    let send = || client.get(server.url()).with_extension(own.clone()).send();
    server.api().respond_next(1, 419, &[], "");
    server.api().respond_next(1, 200, &[], "");
    assert_eq!(send().await.unwrap().status(), 200);
    assert_eq!(statuses(&server), [419, 200]);
    // The usual one's source knows nothing of it.
    server.api().respond_next(1, 419, &[], "");
    assert_eq!(client.get(server.url()).send().await.unwrap().status(), 419);
}
