//! Redirects: each hop is a request of its own, and nothing of ours goes where it may not.
#![cfg(all(feature = "rustls", feature = "transport"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::convert::Infallible;

use common::{attempt, cached, carried, client, key, lead, reason, scripted, statuses, warm};
use futures_util::stream;
use hallpass_core::{Choices, Credential};
use hallpass_reqwest::{Bearer, TooManyRedirects};
use hallpass_testkit::Server;
use reqwest::{Body, Certificate, Client, redirect::Policy};
use reqwest_middleware::ClientBuilder;
use tokio::{io::copy_bidirectional, net::TcpStream};

const CODES: [u16; 5] = [301, 302, 303, 307, 308];

fn calls(server: &Server) -> Vec<String> {
    let journal = server.journal();
    let calls = journal
        .api()
        .map(|entry| format!("{} {} {}", entry.method, entry.path, entry.status));
    calls.collect()
}

#[tokio::test]
async fn within_the_origin_the_credential_goes_along() {
    for code in CODES {
        for (method, body) in [("GET", ""), ("POST", "abc"), ("PUT", "abc"), ("HEAD", "")] {
            let server = Server::start().await;
            let (client, _) = warm(&server).await;
            lead(&server, code, "/there?x=y");
            let response = client
                .request(
                    method.parse().unwrap(),
                    format!("{}/here#part", server.url()),
                )
                .header("content-type", "text/plain")
                .header("x-other", "stays")
                .body(body)
                .send()
                .await
                .unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(response.url().path(), "/there");
            assert_eq!(carried(&server, "authorization"), [true, true]);
            let dropped = code == 303 || (code < 303 && method == "POST");
            let (method, body) = match method {
                "POST" | "PUT" if dropped => ("GET", ""),
                _ => (method, body),
            };
            let journal = server.journal();
            let last = journal.api().next_back().unwrap();
            assert_eq!(
                (last.method.as_str(), &last.body[..]),
                (method, body.as_bytes())
            );
            assert_eq!(last.header("content-type").is_none(), dropped);
            assert_eq!(last.header("x-other"), Some("stays"));
        }
    }
}

/// The server has done the order; what it refused is only the look at it.
#[tokio::test]
async fn an_order_is_made_once_if_the_page_behind_it_is_refused() {
    for code in [302, 303] {
        let server = Server::start().await;
        let (client, cached) = warm(&server).await;
        server.revoke_all();
        lead(&server, code, "/orders/1");
        let order = client.post(format!("{}/orders", server.url())).body("one");
        let response = order.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let moved = format!("POST /orders {code}");
        assert_eq!(
            calls(&server),
            [&moved, "GET /orders/1 401", "GET /orders/1 200"]
        );
        assert_eq!(attempt(&response), Some((2, true, true)));
        assert_eq!(cached.stats().replays, 1);
    }
}

#[tokio::test]
async fn a_refused_hop_is_sent_again_by_itself() {
    let server = Server::start().await;
    let (client, _) = warm(&server).await;
    server.revoke_all();
    lead(&server, 307, "/there");
    let request = client
        .put(format!("{}/here#part", server.url()))
        .body("abc");
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(
        calls(&server),
        ["PUT /here 307", "PUT /there 401", "PUT /there 200"]
    );
    let journal = server.journal();
    assert!(journal.api().all(|entry| entry.body == "abc"));
}

#[tokio::test]
async fn another_origin_never_sees_it_however_often_it_redirects() {
    for code in CODES {
        for header in ["authorization", "x-api-key"] {
            let (server, other) = (Server::start().await, Server::start().await);
            let bearer = match header {
                "authorization" => Bearer::new(cached(&server)),
                _ => key(),
            };
            let client = client(bearer.clone());
            lead(&server, code, &format!("{}/one", other.url()));
            lead(&other, code, "/two");
            lead(&other, code, &format!("{}/home", server.url()));
            let response = client.get(server.url()).send().await.unwrap();
            assert_eq!(response.url().path(), "/home");
            assert_eq!(carried(&other, header), [false, false], "{code}");
            // Back at home it is a request like any other.
            assert_eq!(carried(&server, header), [true, true], "{code}");
            let stats = bearer.authorizer().cached().stats();
            assert_eq!(stats.replays, 0);
        }
    }
}

#[tokio::test]
async fn the_refusal_of_another_origin_says_nothing() {
    let (server, other) = (Server::start().await, Server::start().await);
    let (client, cached) = warm(&server).await;
    lead(&server, 302, &other.url());
    assert_eq!(client.get(server.url()).send().await.unwrap().status(), 401);
    assert_eq!(
        (statuses(&server), statuses(&other)),
        (vec![302], vec![401])
    );
    assert_eq!((cached.stats().rejections, cached.stats().fetches), (0, 1));
}

#[tokio::test]
async fn every_origin_that_it_is_for_sees_it() {
    let (server, other) = (Server::start().await, Server::start().await);
    let origins = [server.url(), other.url()];
    let bearer = Bearer::new(cached(&server)).origins(origins).unwrap();
    lead(&server, 302, &format!("{}/there", other.url()));
    other.api().respond_next(1, 200, &[], "");
    let response = client(bearer).get(server.url()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(carried(&other, "authorization"), [true]);
}

#[tokio::test]
async fn no_more_than_ten_are_followed() {
    let server = Server::start().await;
    let (client, _) = warm(&server).await;
    let api = server.api();
    api.respond_next(20, 302, &[("location", "/again")], "");
    let error = client.get(server.url()).send().await.unwrap_err();
    let reqwest_middleware::Error::Middleware(inner) = &error else {
        panic!("{error}");
    };
    assert!(inner.downcast_ref::<TooManyRedirects>().is_some());
    assert_eq!(error.to_string(), "more than 10 redirects");
    assert_eq!(statuses(&server).len(), 11);
}

#[tokio::test]
async fn what_can_not_be_followed_is_the_answer() {
    let server = Server::start().await;
    let (client, _) = warm(&server).await;
    for to in ["mailto:a@b", "http://", "ftp://a/"] {
        lead(&server, 302, to);
        assert_eq!(client.get(server.url()).send().await.unwrap().status(), 302);
    }
    let api = server.api();
    api.respond_next(1, 302, &[], "")
        .respond_next(1, 304, &[], "");
    for code in [302, 304] {
        assert_eq!(
            client.get(server.url()).send().await.unwrap().status(),
            code
        );
    }
    let streamed = |long: usize| {
        let parts = [Ok::<_, Infallible>(vec![b'a'; long]), Ok(vec![b'b'])];
        let request = client
            .post(server.url())
            .body(Body::wrap_stream(stream::iter(parts)));
        request.send()
    };
    lead(&server, 307, "/there");
    assert_eq!(streamed(64 * 1024).await.unwrap().status(), 307);
    lead(&server, 303, "/there");
    assert_eq!(streamed(64 * 1024).await.unwrap().status(), 200);
    // What is short enough is kept, and can be repeated.
    lead(&server, 307, "/there");
    assert_eq!(streamed(2).await.unwrap().status(), 200);
    let journal = server.journal();
    let last = journal.api().next_back().unwrap();
    assert_eq!(
        (last.path.as_str(), &last.body[..]),
        ("/there", &b"aab"[..])
    );
}

#[tokio::test]
async fn names_in_a_location_are_not_used() {
    let server = Server::start().await;
    let (client, _) = warm(&server).await;
    let there = server.url().replace("://", "://user:password@");
    lead(&server, 302, &format!("{there}/there"));
    let response = client.get(server.url()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.url().username(), "");
}

/// One port for TLS and plain HTTP: the first byte says which server a connection is for.
async fn both(tls: &Server, plain: &Server) -> u16 {
    let (tls, plain) = (tls.addr(), plain.addr());
    let address = scripted(move |_, mut stream| async move {
        let mut first = [0];
        stream.peek(&mut first).await.unwrap();
        let to = if first == [0x16] { tls } else { plain };
        let mut to = TcpStream::connect(to).await.unwrap();
        let _ = copy_bidirectional(&mut stream, &mut to).await;
    })
    .await;
    address.port()
}

#[tokio::test]
async fn a_downgrade_on_the_same_host_and_port_is_another_origin() {
    let tls = Server::builder().tls().start().await;
    let plain = Server::start().await;
    let port = both(&tls, &plain).await;
    let root = Certificate::from_der(tls.certificate_der().unwrap()).unwrap();
    let token = Credential::bearer("t0ken").unwrap().never_expires();
    let inner = Client::builder().tls_certs_only([root]);
    let client = Bearer::new(token).client_from(inner).unwrap();
    lead(&tls, 302, &format!("http://localhost:{port}/plain"));
    let request = client.get(format!("https://localhost:{port}/"));
    request.send().await.unwrap();
    assert_eq!(carried(&tls, "authorization"), [true]);
    assert_eq!(carried(&plain, "authorization"), [false]);
}

#[tokio::test]
async fn a_timeout_is_one_for_all_hops() {
    let server = Server::start().await;
    let (client, _) = warm(&server).await;
    let pause = common::SHORT;
    let api = server.api();
    api.delay_next(20, pause)
        .respond_next(20, 302, &[("location", "/again")], "");
    let started = tokio::time::Instant::now();
    let request = client.get(server.url()).timeout(pause * 2 + pause / 2);
    let error = request.send().await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(started.elapsed() < pause * 5);
}

#[tokio::test]
async fn a_client_that_may_follow_by_itself_is_refused() {
    let server = Server::start().await;
    for bearer in [key(), Bearer::new(cached(&server))] {
        let client = ClientBuilder::new(Client::new()).with(bearer).build();
        let error = client.get(server.url()).send().await.unwrap_err();
        assert!(reason(&error).is_permanent());
        let said = reason(&error).to_string();
        for line in [
            "hallpass_reqwest::client(source)?",
            "Bearer::new(source).client_from(reqwest::Client::builder())?",
            "assume_no_redirects",
        ] {
            assert!(said.contains(line), "{said}");
        }
        assert_eq!(server.journal().entries().len(), 0);
    }
    // What takes no credential of ours is none of our business.
    let client = ClientBuilder::new(Client::new()).with(Bearer::new(cached(&server)));
    let request = client.build().get(server.url()).bearer_auth("my-own");
    assert_eq!(request.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn without_redirects_they_are_answers() {
    let server = Server::start().await;
    let inner = Client::builder().redirect(Policy::none()).build().unwrap();
    let client = ClientBuilder::new(inner)
        .with(key().assume_no_redirects())
        .build();
    lead(&server, 302, "/there");
    let response = client.get(server.url()).send().await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(carried(&server, "x-api-key"), [true]);
}

/// The second credential is judged at each hop as the first one is.
#[tokio::test]
async fn two_credentials_of_one_client_keep_to_their_origins() {
    let (server, other) = (Server::start().await, Server::start().await);
    let gateway = Bearer::new(cached(&server)).named("gateway");
    let gateway = gateway.origins([server.url(), other.url()]).unwrap();
    let client = gateway.client_from(Client::builder()).unwrap();
    let inner = key().named("api").origins([server.url()]).unwrap();
    let client = ClientBuilder::from_client(client)
        .with(inner.assume_no_redirects())
        .build();
    lead(&server, 307, &other.url());
    other.api().respond_next(1, 200, &[], "");
    let request = client.get(server.url());
    request.send().await.unwrap();
    assert_eq!(carried(&other, "authorization"), [true]);
    assert_eq!(carried(&other, "x-api-key"), [false]);
    let without = Choices::new().no_credential("gateway");
    server.clear_journal();
    let request = client.get(server.url()).with_extension(without);
    request.send().await.unwrap();
    assert_eq!(carried(&server, "authorization"), [false]);
    assert_eq!(carried(&server, "x-api-key"), [true]);
}

#[tokio::test]
async fn an_answer_made_by_hand_is_ours() {
    /// Answers in place of the client, as a cache does.
    struct Cache;

    #[async_trait::async_trait]
    impl reqwest_middleware::Middleware for Cache {
        async fn handle(
            &self,
            _: reqwest::Request,
            _: &mut http::Extensions,
            _: reqwest_middleware::Next<'_>,
        ) -> reqwest_middleware::Result<reqwest::Response> {
            let answer = http::Response::builder().status(401).body("").unwrap();
            Ok(answer.into())
        }
    }

    let server = Server::start().await;
    let (client, cached) = warm(&server).await;
    let client = ClientBuilder::from_client(client).with(Cache).build();
    client.post(server.url()).send().await.unwrap();
    assert_eq!(cached.stats().rejections, 1);
    assert_eq!(cached.stats().replays, 1);
}
