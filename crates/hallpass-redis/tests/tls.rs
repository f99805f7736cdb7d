//! A real server that speaks TLS alone, with an authority of the fleet's own.
#![cfg(all(feature = "real-server", feature = "tls"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{fs, path::PathBuf};

use common::{Redis, identity};
use hallpass_redis::RedisStore;
use hallpass_shared::{Name, Store as _, contract};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use redis::{Client, ClientTlsConfig, TlsCertificates};

/// An authority, with a certificate for the server and one for a client, in a folder of its own.
struct Certificates {
    folder: PathBuf,
    authority: String,
    client: ClientTlsConfig,
}

impl Certificates {
    fn make() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "the fleet's authority");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let issue = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new([name.to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            let leaf = params.signed_by(&key, &authority).unwrap();
            (leaf.pem(), key.serialize_pem())
        };
        let (server, server_key) = issue("localhost");
        let (client, client_key) = issue("client");
        let folder = std::env::temp_dir().join(format!("hallpass-tls-{}", common::free_port()));
        fs::create_dir_all(&folder).unwrap();
        let authority = authority.pem();
        for (name, text) in [
            ("authority", &authority),
            ("server", &server),
            ("server-key", &server_key),
        ] {
            fs::write(folder.join(name), text).unwrap();
        }
        Self {
            folder,
            authority,
            client: ClientTlsConfig {
                client_cert: client.into_bytes(),
                client_key: client_key.into_bytes(),
            },
        }
    }

    /// A server that wants a certificate of its clients, and the URL of its port for them.
    async fn server(&self) -> (Redis, String) {
        let port = common::free_port().to_string();
        let file = |name| self.folder.join(name).display().to_string();
        let server = Redis::start_with(&[
            "--tls-port",
            &port,
            "--tls-cert-file",
            &file("server"),
            "--tls-key-file",
            &file("server-key"),
            "--tls-ca-cert-file",
            &file("authority"),
            "--tls-auth-clients",
            "yes",
        ])
        .await;
        (server, format!("rediss://localhost:{port}"))
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn by_tls_in_both_directions_it_is_kept_too() {
    let certificates = Certificates::make();
    let (_server, url) = certificates.server().await;
    let trust = TlsCertificates {
        client_tls: Some(certificates.client.clone()),
        root_cert: Some(certificates.authority.clone().into_bytes()),
    };
    let client = Client::build_with_tls(url, trust).unwrap();
    let store = RedisStore::with_client(client);
    contract::all(&store).await;
    contract::watchers_are_told(&store).await;
}

#[tokio::test]
async fn a_server_or_a_client_that_nobody_knows_is_refused() {
    let certificates = Certificates::make();
    let (_server, url) = certificates.server().await;
    let name = Name::of(&identity());
    // By the system's authorities alone.
    let stranger = RedisStore::open(url.as_str()).unwrap();
    assert!(stranger.get(&name).await.unwrap_err().is_transient());
    let anonymous = TlsCertificates {
        client_tls: None,
        root_cert: Some(certificates.authority.clone().into_bytes()),
    };
    let anonymous = RedisStore::with_client(Client::build_with_tls(url, anonymous).unwrap());
    assert!(anonymous.get(&name).await.unwrap_err().is_transient());
}
