//! A certificate of the client's own, in PEM, beside the roots.

use std::{net::SocketAddr, sync::Arc};

use hallpass_hyper::Builder;
use rcgen::CertifiedKey;
use rustls::{
    RootCertStore, ServerConfig, crypto::ring, pki_types::PrivateKeyDer,
    server::WebPkiClientVerifier,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use crate::common::{self, send};

/// A server that lets only this client in; with its own certificate in PEM.
async fn for_client(client: &CertifiedKey<rcgen::KeyPair>) -> (SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(client.cert.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![made.cert.der().clone()],
            PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into()),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = common::scripted(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    (address, made.cert.pem())
}

#[tokio::test]
async fn it_is_presented_and_has_a_thumbprint() {
    let client = rcgen::generate_simple_self_signed(["client.test".to_owned()]).unwrap();
    let (address, root) = for_client(&client).await;
    let url = format!("https://localhost:{}/token", address.port());
    let stranger = Builder::new().only_roots_pem(&root);
    assert!(send(&stranger.transport().unwrap(), &url).await.is_err());

    let key = client.signing_key.serialize_pem();
    let known = stranger.client_certificate_pem(client.cert.pem(), key);
    let answer = send(&known.transport().unwrap(), &url).await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(
        known.certificate_thumbprint(),
        hallpass_oauth2::certificate_thumbprint(client.cert.der()).ok()
    );
}

#[test]
fn one_that_cannot_be_read_is_a_permanent_error() {
    let client = rcgen::generate_simple_self_signed(["client.test".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["other.test".to_owned()]).unwrap();
    let (chain, key) = (client.cert.pem(), client.signing_key.serialize_pem());
    for (chain, key, message) in [
        (
            "no PEM",
            key.as_str(),
            "the client's certificate holds none in PEM",
        ),
        (
            &chain,
            "no PEM",
            "the client's key holds no private key in PEM",
        ),
        (
            &chain,
            &other.signing_key.serialize_pem(),
            "the client's certificate and its key do not fit",
        ),
    ] {
        let builder = Builder::new().client_certificate_pem(chain, key);
        let error = builder.transport().unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.is_permanent()),
            (message, true)
        );
        assert!(!format!("{builder:?}").contains("PRIVATE"));
    }
}
