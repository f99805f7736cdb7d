//! TLS with the server's own authority, and ALPN.
#![cfg(feature = "tls")]
#![allow(clippy::expect_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use bytes::Bytes;
use hallpass_testkit::{LinkFault, Relay, Server};
use http::{Request, Version};
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

fn trusting(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

async fn get(
    config: ClientConfig,
    url: &str,
) -> Result<Version, hyper_util::client::legacy::Error> {
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_only()
        .enable_all_versions()
        .build();
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(https);
    let request = Request::get(url).body(Full::default()).expect("a request");
    Ok(client.request(request).await?.version())
}

#[tokio::test]
async fn the_authority_is_trusted_and_http2_negotiated() {
    for http1_only in [false, true] {
        let mut builder = Server::builder().tls();
        if http1_only {
            builder = builder.http1_only();
        }
        let server = builder.start().await;
        assert!(server.url().starts_with("https://localhost:"));
        assert!(
            server
                .certificate_pem()
                .is_some_and(|pem| pem.starts_with("-----BEGIN CERTIFICATE-----"))
        );
        let der = server.certificate_der().expect("an authority").to_vec();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(der)).expect("a root");
        let version = get(trusting(roots), &server.url())
            .await
            .expect("an answer");
        assert_eq!(
            version,
            if http1_only {
                Version::HTTP_11
            } else {
                Version::HTTP_2
            }
        );
        assert_eq!(server.journal().api_with_status(401), 1);
    }
}

#[tokio::test]
async fn a_stranger_to_the_authority_is_turned_away() {
    let server = Server::builder().tls().start().await;
    assert!(
        get(trusting(RootCertStore::empty()), &server.url())
            .await
            .is_err()
    );
    assert_eq!(server.journal().api_requests(), 0);
    assert!(Server::start().await.certificate_der().is_none());
}

#[tokio::test]
async fn a_relay_shows_the_certificate_that_it_is_told() {
    let server = Server::start().await;
    let relay = Relay::start_tls(server.addr()).await;
    assert!(relay.url().starts_with("https://localhost:"));
    assert!(
        relay
            .certificate_pem()
            .is_some_and(|pem| pem.starts_with("-----BEGIN CERTIFICATE-----"))
    );
    let der = relay.certificate_der().expect("an authority").to_vec();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(der)).expect("a root");
    for (fault, told) in [
        (LinkFault::WrongName, "NotValidForName"),
        (LinkFault::Expired, "Expired"),
        (LinkFault::PlainPort, "InvalidContentType"),
    ] {
        relay.set(fault).await;
        let error = get(trusting(roots.clone()), &relay.url()).await;
        let error = format!("{:?}", error.expect_err("no connection"));
        assert!(error.contains(told), "{fault:?}: {error}");
    }
    assert_eq!(server.journal().api_requests(), 0);
    relay.heal().await;
    let version = get(trusting(roots), &relay.url()).await;
    assert_eq!(version.expect("an answer"), Version::HTTP_2);
}
