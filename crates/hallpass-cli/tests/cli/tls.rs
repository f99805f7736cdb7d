//! Servers whose certificates are not what they should be, and the trust that makes one right.

use std::sync::Arc;

use hallpass_testkit::Server;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use super::common::{Folder, SECRET, hallpass};

/// A server that gets as far as the handshake.
pub(crate) struct Plain {
    pub(crate) port: u16,
    /// Of the authority that signed its certificate, in PEM.
    pub(crate) authority: String,
    task: JoinHandle<()>,
}

impl Plain {
    pub(crate) async fn start(name: &str, expired: bool) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move { drop(acceptor.accept(stream).await) });
            }
        });
        Self {
            port,
            authority,
            task,
        }
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn an_authority_that_is_named_is_trusted() {
    let server = Server::builder()
        .client("client", SECRET)
        .tls()
        .start()
        .await;
    let folder = Folder::new();
    let ca = folder.write("ca.pem", server.certificate_pem().unwrap());
    let token_url = server.token_url();
    let args = [
        "generic",
        "--client-id",
        "client",
        "--secret",
        "env:SECRET",
        "--token-url",
        &token_url,
    ];
    let run = hallpass(["token"].into_iter().chain(args).chain(["--ca", &ca])).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = hallpass(["token", "--timeout", "1s"].into_iter().chain(args)).await;
    assert_eq!(run.code, 4, "{}", run.stderr);
    let run = hallpass(["doctor"].into_iter().chain(args).chain(["--ca", &ca])).await;
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(run.stdout.contains("the certificate is valid and trusted"));
}
