//! TLS with roots of one's own, and what is refused.

use std::{error::Error as _, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use hallpass_hyper::Builder;
use hallpass_oauth2::transport::Phase;
use hallpass_testkit::Server;
use http::{Request, Version};
use http_body_util::Empty;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio_rustls::TlsAcceptor;
use tower::{Service as _, ServiceExt as _};

use crate::common::{self, LONG, phase, send};

async fn tls() -> Server {
    Server::builder().tls().start().await
}

fn versions(server: &Server) -> Vec<Version> {
    let journal = server.journal();
    journal
        .entries()
        .iter()
        .map(|entry| entry.version)
        .collect()
}

#[tokio::test]
async fn own_roots_are_trusted_and_the_best_version_is_negotiated() {
    for (builder, server_builder, version) in [
        (Builder::new(), Server::builder(), Version::HTTP_2),
        (
            Builder::new(),
            Server::builder().http1_only(),
            Version::HTTP_11,
        ),
        (
            Builder::new().http1_only(),
            Server::builder(),
            Version::HTTP_11,
        ),
        (
            Builder::new().http2_only(),
            Server::builder(),
            Version::HTTP_2,
        ),
    ] {
        let server = server_builder.tls().start().await;
        let pem = server.certificate_pem().unwrap();
        let der = server.certificate_der().unwrap();
        for builder in [
            builder.clone().only_roots_pem(pem),
            builder.clone().only_root_der(der),
            builder.clone().add_roots_pem(pem),
            builder.clone().add_root_der(der),
        ] {
            server.clear_journal();
            let transport = builder.transport().unwrap();
            let answer = send(&transport, &server.token_url()).await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.version()), (200, version));

            let mut client = builder.client::<Empty<Bytes>>().unwrap();
            let request = Request::get(server.url()).body(Empty::new()).unwrap();
            let answer = client.ready().await.unwrap().call(request).await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.version()), (401, version));
            assert_eq!(versions(&server), [version; 2]);
        }
    }
}

#[tokio::test]
async fn http2_only_does_not_fall_back() {
    let server = Server::builder().tls().http1_only().start().await;
    let transport = Builder::new()
        .only_roots_pem(server.certificate_pem().unwrap())
        .http2_only()
        .transport()
        .unwrap();
    assert_eq!(
        phase(&transport, &server.token_url(), LONG).await,
        Phase::Connect,
        "no protocol in common"
    );
}

#[tokio::test]
async fn a_whole_configuration_is_taken_as_it_is() {
    let server = tls().await;
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from(
            server.certificate_der().unwrap().to_vec(),
        ))
        .unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"replaced".to_vec()];
    let builder = Builder::new().tls_config(config);
    let transport = builder.transport().unwrap();
    let answer = send(&transport, &server.token_url()).await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_2);

    let pem = server.certificate_pem().unwrap();
    for both in [
        builder.clone().add_roots_pem(pem),
        builder.only_roots_pem(pem),
    ] {
        let error = both.transport().unwrap_err();
        assert!(error.is_permanent());
        assert!(error.to_string().contains("beside a TLS configuration"));
    }
}

#[test]
fn the_certificate_that_is_presented_has_a_thumbprint() {
    assert_eq!(Builder::new().certificate_thumbprint(), None);
    let trusting = || {
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
    };
    let silent = Builder::new().tls_config(trusting().with_no_client_auth());
    assert_eq!(silent.certificate_thumbprint(), None);
    let made = rcgen::generate_simple_self_signed(["client.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = trusting().with_client_auth_cert(vec![made.cert.der().clone()], key);
    let presenting = Builder::new().tls_config(config.unwrap());
    let thumbprint = presenting.certificate_thumbprint().unwrap();
    for certificate in [made.cert.pem().as_bytes(), made.cert.der()] {
        let expected = hallpass_oauth2::certificate_thumbprint(certificate).unwrap();
        assert_eq!(thumbprint, expected);
    }
}

#[tokio::test]
async fn strangers_are_refused_before_anything_is_sent() {
    let server = tls().await;
    let other = tls().await;
    let platform = common::transport();
    let others = Builder::new()
        .only_roots_pem(other.certificate_pem().unwrap())
        .transport()
        .unwrap();
    for transport in [platform, others] {
        let error = send(&transport, &server.token_url()).await.unwrap_err();
        assert_eq!(error.phase(), Phase::Connect);
        assert!(error.source().is_some());
    }
    assert_eq!(server.journal().entries().len(), 0);
}

/// A TLS server whose certificate, which is returned to be trusted, is for `elsewhere.test`.
async fn elsewhere() -> (SocketAddr, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["elsewhere.test".to_owned()]).unwrap();
    let der = made.cert.der().to_vec();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![made.cert.der().clone()],
            PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into()),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = common::scripted(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            assert!(acceptor.accept(stream).await.is_err(), "nobody comes in");
        }
    })
    .await;
    (address, der)
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (address, der) = elsewhere().await;
    let builder = Builder::new().only_root_der(der);
    let url = format!("https://localhost:{}/token", address.port());

    let error = send(&builder.transport().unwrap(), &url).await.unwrap_err();
    assert_eq!(error.phase(), Phase::Connect);
    assert!(
        format!("{error:?}").contains("NotValidForName"),
        "{error:?}"
    );

    let mut client = builder.client::<Empty<Bytes>>().unwrap();
    let request = Request::get(url).body(Empty::new()).unwrap();
    let call = client.ready().await.unwrap().call(request);
    let error = call.await.unwrap_err();
    assert!(error.is_connect() && !error.is_timeout());
    assert!(
        format!("{error:?}").contains("NotValidForName"),
        "{error:?}"
    );
}

#[test]
fn roots_that_cannot_be_read_are_a_permanent_error() {
    let not_a_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (builder, message) in [
        (
            Builder::new().add_roots_pem("no PEM"),
            "a root in PEM holds no certificate",
        ),
        (
            Builder::new().only_roots_pem("-----BEGIN CERTIFICATE-----\n!\n"),
            "a root is not valid PEM",
        ),
        (
            Builder::new().only_roots_pem(not_a_certificate),
            "a root is not a certificate that can be trusted",
        ),
        (
            Builder::new().add_root_der(b"no DER"),
            "a root is not a certificate that can be trusted",
        ),
    ] {
        let error = builder.transport().unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.is_permanent()),
            (message, true)
        );
        assert!(builder.client::<Empty<Bytes>>().is_err());
    }
}
