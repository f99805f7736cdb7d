//! What the caller has set for one server stays there when a redirect leads to another.
#![cfg(all(feature = "rustls", feature = "transport"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::time::Duration;

use common::{cached, carried, client, key, lead, seen};
use hallpass_core::{Cached, Choices, Credential};
use hallpass_reqwest::Bearer;
use hallpass_testkit::{ScriptedSource, Server};
use http::{HeaderName, HeaderValue};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, RequestBuilder};

const ACCOUNT: HeaderName = HeaderName::from_static("x-account");

/// A bearer token that an account's number goes along with.
fn of_account() -> Credential {
    let account = HeaderValue::from_static("7");
    Credential::bearer("token")
        .unwrap()
        .with_header(ACCOUNT, account)
}

/// Sends a request that is led from one server to the other, and says what arrives there.
async fn led_away(
    from: &Server,
    to: &Server,
    header: &str,
    request: impl FnOnce(RequestBuilder) -> RequestBuilder,
    client: &ClientWithMiddleware,
) -> Vec<Option<String>> {
    lead(from, 307, &format!("{}/there", to.url()));
    let outcome = request(client.get(from.url())).send().await;
    outcome.unwrap();
    assert_eq!(seen(from, header).pop().unwrap().as_deref(), Some("my-own"));
    seen(to, header)
}

/// What the caller has set for one server is nothing for another, and no reason to use ours instead.
#[tokio::test]
async fn what_the_caller_has_set_stays_at_home() {
    let (server, other) = (Server::start().await, Server::start().await);
    let origins = || [server.url(), other.url()];
    let mut secret = HeaderValue::from_static("s3cret");
    secret.set_sensitive(true);
    for bearer in [Bearer::new(cached(&server)), key()] {
        let client = client(bearer.origins(origins()).unwrap());
        server.clear_journal();
        other.clear_journal();
        for (from, to) in [(&server, &other), (&other, &server)] {
            lead(from, 307, &format!("{}/next", to.url()));
        }
        let request = client
            .get(server.url())
            .bearer_auth("my-own")
            .header("x-api-key", "my-own")
            .header("cookie", "a=b")
            .header("dpop", "my-own")
            .header("x-private", secret.clone())
            .header("x-public", "all");
        request.send().await.unwrap();
        assert_eq!(carried(&server, "x-private"), [true, false]);
        assert_eq!(carried(&server, "cookie"), [true, false]);
        for header in ["authorization", "cookie", "dpop", "x-private"] {
            assert_eq!(carried(&other, header), [false], "{header}");
        }
        assert_eq!(carried(&server, "authorization"), [true, false]);
        assert_eq!(carried(&server, "x-public"), [true, true]);
        assert_eq!(
            seen(&server, "authorization")[0].as_deref(),
            Some("Bearer my-own")
        );
    }
    assert_eq!(carried(&other, "x-api-key"), [false]);
}

#[tokio::test]
async fn a_key_in_place_of_the_caller_s_own_goes_where_it_may() {
    let (server, other) = (Server::start().await, Server::start().await);
    let bearer = key().origins([server.url(), other.url()]).unwrap();
    lead(&server, 307, &other.url());
    let request = client(bearer.override_existing())
        .get(server.url())
        .header("x-api-key", "my-own");
    request.send().await.unwrap();
    for server in [&server, &other] {
        assert_eq!(seen(server, "x-api-key"), [Some("k3y".to_owned())]);
    }
}

/// Whichever of a credential's headers it is, and whether or not there is a credential by then.
#[tokio::test]
async fn so_does_what_stands_where_a_credential_s_other_header_would() {
    let scripted = ScriptedSource::tokens(Duration::ZERO);
    scripted.answer_next(100, of_account().lives_for(Duration::ZERO));
    let fetched = Cached::new(scripted);
    fetched.get().await.unwrap();
    for source in [Cached::new(of_account()), fetched] {
        let (server, other) = (Server::start().await, Server::start().await);
        let bearer = Bearer::new(source)
            .origins([server.url(), other.url()])
            .unwrap();
        let own = |request: RequestBuilder| request.header(ACCOUNT, "my-own");
        let arrived = led_away(&server, &other, "x-account", own, &client(bearer)).await;
        assert_eq!(arrived, [None]);
        // Nor does ours take its place there.
        assert_eq!(carried(&other, "authorization"), [false]);
    }
}

/// A credential for one request is one as well, in whatever way it is chosen.
#[tokio::test]
async fn so_does_what_stands_where_a_chosen_credential_would() {
    let (server, other) = (Server::start().await, Server::start().await);
    let tenant = || Cached::new(Credential::header(ACCOUNT, "tenant").unwrap());
    let own = |request: RequestBuilder| request.header(ACCOUNT, "my-own");
    let plain = client(Bearer::new(cached(&server)));
    let bare = |request| own(request).with_extension(tenant());
    let arrived = led_away(&server, &other, "x-account", bare, &plain).await;
    assert_eq!(arrived, [None]);

    let named = client(Bearer::new(cached(&server)).named("api"));
    for layer in ["api", "another"] {
        other.clear_journal();
        let choices = Choices::new().credential(layer, tenant());
        let chosen = |request| own(request).with_extension(choices);
        let arrived = led_away(&server, &other, "x-account", chosen, &named).await;
        assert_eq!(arrived, [None], "{layer}");
    }
}

/// Only the outer one of two follows redirects, for both.
#[tokio::test]
async fn so_does_what_stands_where_a_credential_further_down_would() {
    let (server, other) = (Server::start().await, Server::start().await);
    let account = Bearer::new(Credential::header(ACCOUNT, "7").unwrap());
    let account = account.origins([server.url(), other.url()]).unwrap();
    let outer = client(Bearer::new(cached(&server)).named("api"));
    let both = ClientBuilder::from_client(outer)
        .with(account.named("account").assume_no_redirects())
        .build();
    let own = |request: RequestBuilder| request.header(ACCOUNT, "my-own");
    let arrived = led_away(&server, &other, "x-account", own, &both).await;
    assert_eq!(arrived, [None]);
}
