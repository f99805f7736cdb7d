//! With a proxy in the environment, plain `http` to this machine is not private. The environment is
//! the process's own, so each case is a process.
#![cfg(all(feature = "rustls", feature = "transport"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{io::ErrorKind, net::TcpListener, process::Command};

use common::{LONG, client, reason, statuses};
use hallpass_core::Credential;
use hallpass_oauth2::transport::{Phase, Transport as _};
use hallpass_reqwest::{Bearer, ReqwestTransport};
use hallpass_testkit::Server;
use http::Request;
use reqwest::Client;

/// Runs one of the tests below behind a proxy, which must not be asked for anything.
fn behind_a_proxy(test: &str, exempt: &str) {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let outcome = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored"])
        .env("HTTP_PROXY", &url)
        .env("http_proxy", &url)
        .env("NO_PROXY", exempt)
        .env("no_proxy", exempt)
        .output()
        .unwrap();
    assert!(outcome.status.success(), "{outcome:?}");
    let printed = String::from_utf8_lossy(&outcome.stdout);
    assert!(printed.contains("1 passed"), "{printed}");
    let asked = proxy.accept().unwrap_err();
    assert_eq!(asked.kind(), ErrorKind::WouldBlock);
}

#[test]
fn no_secret_passes_the_proxy() {
    behind_a_proxy("proxied", "");
}

#[test]
fn an_exempt_machine_is_private() {
    behind_a_proxy("exempt", "localhost,127.0.0.1,::1");
}

#[test]
fn no_proxy_is_asked_for_what_is_on_the_link() {
    behind_a_proxy("on_the_link", "localhost,127.0.0.1,::1");
}

fn bearer() -> Bearer {
    Bearer::new(Credential::bearer("t0ken").unwrap().never_expires())
}

async fn asks(transport: &ReqwestTransport, server: &Server) -> Result<u16, Phase> {
    let request = Request::post(server.token_url()).body(bytes::Bytes::new());
    let answer = transport.send(request.unwrap(), LONG).await;
    answer
        .map(|answer| answer.status().as_u16())
        .map_err(|error| error.phase())
}

#[tokio::test]
#[ignore = "only in an environment of its own"]
async fn proxied() {
    let server = Server::start().await;
    let client = client(bearer());
    let error = client.get(server.url()).send().await.unwrap_err();
    assert!(reason(&error).is_destination());
    assert!(reason(&error).to_string().contains("proxy"));

    let default = hallpass_reqwest::transport().unwrap();
    let own = ReqwestTransport::from_builder(Client::builder()).unwrap();
    let direct = ReqwestTransport::direct(Client::builder()).unwrap();
    assert_eq!(asks(&own, &server).await, Err(Phase::Connect));
    assert_eq!(server.journal().entries().len(), 0);
    for transport in [default, direct] {
        assert!(asks(&transport, &server).await.is_ok());
    }
    assert_eq!(server.journal().token_requests(), 2);
}

#[tokio::test]
#[ignore = "only in an environment of its own"]
async fn exempt() {
    let server = Server::start().await;
    client(bearer()).get(server.url()).send().await.unwrap();
    assert_eq!(statuses(&server).len(), 1);
    let own = ReqwestTransport::from_builder(Client::builder()).unwrap();
    assert!(asks(&own, &server).await.is_ok());
}

/// Nothing answers there. What counts is that the proxy is not asked.
#[tokio::test]
#[ignore = "only in an environment of its own"]
async fn on_the_link() {
    let default = hallpass_reqwest::transport().unwrap();
    let own = ReqwestTransport::from_builder(Client::builder()).unwrap();
    for url in [
        "http://169.254.169.254/",
        "http://169.254.170.2/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
    ] {
        let request = || Request::get(url).body(bytes::Bytes::new()).unwrap();
        let limit = std::time::Duration::from_millis(300);
        drop(default.send(request(), limit).await);
        let error = own.send(request(), limit).await.unwrap_err();
        assert_eq!(error.phase(), Phase::Connect);
        assert!(
            error.to_string().contains("NO_PROXY") || format!("{error:?}").contains("NO_PROXY")
        );
    }
}
