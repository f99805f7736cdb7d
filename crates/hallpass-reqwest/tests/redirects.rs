//! Redirects, which reqwest follows below the middleware: who sees the credential, and whose 401
//! counts.
#![cfg(all(feature = "rustls", feature = "transport"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{cached, over, reason, scripted, statuses};
use hallpass_core::{Cached, Credential, CredentialSource, Error, Fetch};
use hallpass_reqwest::{Bearer, redirect_policy};
use hallpass_testkit::Server;
use http::HeaderName;
use reqwest::{Certificate, Client, redirect::Policy};
use reqwest_middleware::ClientWithMiddleware;
use tokio::{io::copy_bidirectional, net::TcpStream};

const CODES: [u16; 5] = [301, 302, 303, 307, 308];

fn guarded() -> Client {
    let builder = Client::builder().redirect(redirect_policy());
    builder.build().unwrap()
}

fn lead(server: &Server, code: u16, to: &str) {
    server
        .api()
        .respond_next(1, code, &[("location", to)], "moved");
}

/// The values of a header that a server has seen, one a request.
fn seen(server: &Server, header: &str) -> Vec<Option<String>> {
    let journal = server.journal();
    let values = journal.api().map(|entry| entry.header(header));
    values.map(|value| value.map(str::to_owned)).collect()
}

/// How many requests carried a credential to it.
fn carried(server: &Server, header: &str) -> usize {
    seen(server, header).iter().flatten().count()
}

async fn bearer(server: &Server, client: Client) -> (ClientWithMiddleware, Cached) {
    let cached = cached(server);
    cached.get().await.unwrap();
    (over(client, Bearer::new(cached.clone())), cached)
}

#[tokio::test]
async fn within_the_origin_the_credential_goes_along() {
    for code in CODES {
        for inner in [Client::new(), guarded()] {
            let server = Server::start().await;
            let (client, _) = bearer(&server, inner).await;
            lead(&server, code, "/there");
            let request = client.post(format!("{}/here", server.url())).body("abc");
            let response = request.send().await.unwrap();
            assert_eq!(
                (response.status().as_u16(), response.url().path()),
                (200, "/there")
            );
            assert_eq!(carried(&server, "authorization"), 2);
            let kept = if code > 303 { 3 } else { 0 };
            let journal = server.journal();
            assert_eq!(journal.entries().last().unwrap().body.len(), kept, "{code}");
        }
    }
}

#[tokio::test]
async fn a_refused_request_is_replayed_from_where_it_began() {
    for inner in [Client::new(), guarded()] {
        let server = Server::start().await;
        let (client, cached) = bearer(&server, inner).await;
        server.revoke_all();
        lead(&server, 307, "/there");
        let request = client.put(format!("{}/here", server.url())).body("abc");
        assert_eq!(request.send().await.unwrap().status(), 200);
        let journal = server.journal();
        let paths: Vec<_> = journal.api().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["/here", "/there", "/here"]);
        assert_eq!(cached.stats().replays, 1);
    }
}

#[tokio::test]
async fn a_guarded_client_hands_back_what_leads_away() {
    for code in CODES {
        let (server, other) = (Server::start().await, Server::start().await);
        let (client, cached) = bearer(&server, guarded()).await;
        let there = format!("{}/there", other.url());
        lead(&server, code, &there);
        let response = client.get(server.url()).send().await.unwrap();
        assert_eq!(response.status(), code);
        assert_eq!(response.headers()["location"], there.as_str());
        assert_eq!(other.journal().entries().len(), 0);
        assert_eq!(cached.stats().rejections, 0);
    }
}

#[tokio::test]
async fn a_guarded_client_goes_no_further_than_ten() {
    let server = Server::start().await;
    let (client, _) = bearer(&server, guarded()).await;
    server
        .api()
        .respond_next(20, 302, &[("location", "/again")], "");
    let error = client.get(server.url()).send().await.unwrap_err();
    assert!(error.is_redirect());
    assert_eq!(statuses(&server).len(), 11);
}

#[tokio::test]
async fn any_client_drops_authorization_on_the_way_out() {
    for code in CODES {
        let (server, other) = (Server::start().await, Server::start().await);
        let (client, cached) = bearer(&server, Client::new()).await;
        lead(&server, code, &format!("{}/there", other.url()));
        let response = client.get(server.url()).send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(seen(&other, "authorization"), [None], "{code}");
        // The 401 of the other origin is none of ours: one request each, and the token stays.
        assert_eq!(
            (statuses(&server), statuses(&other)),
            (vec![code], vec![401])
        );
        assert_eq!((cached.stats().rejections, cached.stats().fetches), (0, 1));
    }
}

#[tokio::test]
async fn a_second_redirect_abroad_is_why_clients_are_guarded() {
    for code in CODES {
        for (inner, expected) in [
            // Should this fail, reqwest has mended it: then the documentation may say so.
            (Client::new(), vec![false, true]),
            (guarded(), vec![]),
        ] {
            let (server, other) = (Server::start().await, Server::start().await);
            let (client, _) = bearer(&server, inner).await;
            lead(&server, code, &format!("{}/one", other.url()));
            lead(&other, code, "/two");
            client.get(server.url()).send().await.unwrap();
            let carried: Vec<_> = seen(&other, "authorization")
                .iter()
                .map(Option::is_some)
                .collect();
            assert_eq!(carried, expected, "{code}");
        }
    }
}

fn key() -> Bearer {
    let name = HeaderName::from_static("x-api-key");
    Bearer::new(Credential::header(name, "k3y").unwrap().never_expires())
}

#[tokio::test]
async fn another_header_needs_the_promise() {
    let (server, other) = (Server::start().await, Server::start().await);
    let there = format!("{}/there", other.url());

    let error = over(Client::new(), key())
        .get(server.url())
        .send()
        .await
        .unwrap_err();
    assert!(reason(&error).is_permanent());
    assert!(reason(&error).to_string().contains("x-api-key"));
    assert_eq!(server.journal().entries().len(), 0);

    // A promise that does not hold shows what it is for.
    lead(&server, 302, &there);
    let client = over(Client::new(), key().redirects_guarded());
    client.get(server.url()).send().await.unwrap();
    assert_eq!(carried(&other, "x-api-key"), 1);
    other.clear_journal();

    for policy in [redirect_policy(), Policy::none()] {
        lead(&server, 302, &there);
        let inner = Client::builder().redirect(policy).build().unwrap();
        let client = over(inner, key().redirects_guarded());
        let response = client.get(server.url()).send().await.unwrap();
        assert_eq!(response.status(), 302);
    }
    assert_eq!(carried(&server, "x-api-key"), 3);
    assert_eq!(other.journal().entries().len(), 0);
}

#[tokio::test]
async fn a_key_of_the_request_s_own_needs_it_too() {
    let server = Server::start().await;
    let cached = Cached::new(
        Credential::header(HeaderName::from_static("x-api-key"), "k3y")
            .unwrap()
            .never_expires(),
    );
    let (client, _) = bearer(&server, Client::new()).await;
    let request = client.get(server.url()).with_extension(cached);
    assert!(reason(&request.send().await.unwrap_err()).is_permanent());
    assert!(statuses(&server).is_empty());
}

#[tokio::test]
async fn a_key_that_its_source_calls_something_else_stays_here() {
    struct Sly;

    impl CredentialSource for Sly {
        async fn fetch(&self, _: &Fetch) -> Result<Credential, Error> {
            Credential::header(HeaderName::from_static("x-api-key"), "k3y")
        }
    }

    let server = Server::start().await;
    let client = over(Client::new(), Bearer::new(Sly));
    for _ in 0..2 {
        let error = client.get(server.url()).send().await.unwrap_err();
        assert!(reason(&error).is_permanent());
    }
    assert!(statuses(&server).is_empty());
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
    for (policy, expected) in [(redirect_policy(), vec![]), (Policy::default(), vec![None])] {
        let inner = Client::builder()
            .tls_certs_only([root.clone()])
            .redirect(policy)
            .build()
            .unwrap();
        let token = Credential::bearer("t0ken").unwrap().never_expires();
        let client = over(inner, Bearer::new(token));
        lead(&tls, 302, &format!("http://localhost:{port}/plain"));
        let request = client.get(format!("https://localhost:{port}/"));
        request.send().await.unwrap();
        assert_eq!(seen(&plain, "authorization"), expected);
    }
    assert_eq!(carried(&tls, "authorization"), 2);
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
    let cached = cached(&server);
    let client = reqwest_middleware::ClientBuilder::new(Client::new())
        .with(Bearer::new(cached.clone()))
        .with(Cache)
        .build();
    client.get(server.url()).send().await.unwrap();
    assert_eq!(cached.stats().rejections, 1);
}
