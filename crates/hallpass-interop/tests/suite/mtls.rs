//! Clients that present a certificate, and tokens that work with that alone.

use std::sync::Arc;

use hallpass::{BearerLayer, Cached, ClientCredentials, Error, TokenSource, hyper::Builder};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tower::Layer as _;

use crate::{
    certificates::{Identities, Identity},
    harness::{Folder, Held},
    kinds::OIDC_PROVIDER,
    kit::{Failed, api_with, ask, get},
};

/// A server that asks for certificates, and some to present.
struct Tls {
    server: Held,
    identities: Identities,
}

impl Tls {
    fn start() -> Self {
        let folder = Folder::new("mtls");
        let identities = Identities::new(&folder);
        let path = folder.path().display().to_string();
        let server = OIDC_PROVIDER.start_in(folder, &[("TLS", &path)]).into();
        Self { server, identities }
    }

    fn at(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.server.port("tls"))
    }

    /// Settings that present this certificate, if one.
    fn presenting(&self, identity: Option<&Identity>) -> Builder {
        let authority = CertificateDer::from_pem_slice(self.identities.authority.as_bytes());
        let mut roots = RootCertStore::empty();
        roots.add(authority.unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        Builder::new().tls_config(match identity {
            None => config.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes());
                config
                    .with_client_auth_cert(vec![certificate.unwrap()], key.unwrap())
                    .unwrap()
            }
        })
    }

    fn source(&self, id: &str, identity: Option<&Identity>) -> TokenSource {
        let transport = self.presenting(identity).transport().unwrap();
        let grant = ClientCredentials::at(self.at("/token")).mtls(id);
        grant.scope("read").build(transport).unwrap()
    }

    /// A token that is known to be bound goes with a client that is known to present the certificate,
    /// and with no other.
    async fn knows(&self, id: &str, identity: &Identity) {
        let presenting = self.presenting(Some(identity));
        let request = ClientCredentials::at(self.at("/token"))
            .mtls(id)
            .scope("read");
        let request = request.bound_to_certificate(identity.certificate.as_str());
        let source = request.build(presenting.transport().unwrap()).unwrap();
        let cached = Cached::new(source);
        let layer = || BearerLayer::new(cached.clone()).report_attempts();
        let known = |builder: &Builder| {
            let thumbprint = builder.certificate_thumbprint().unwrap();
            layer()
                .client_certificate(thumbprint)
                .layer(builder.client().unwrap())
        };
        let resource = self.at("/resource");
        let answer = get(&known(&presenting), &resource).await.unwrap();
        assert_eq!(answer.status, 200, "{id}");
        let thief = known(&self.presenting(Some(&self.identities.stranger)));
        let silent = layer().layer(self.presenting(None).client().unwrap());
        for client in [thief, silent] {
            match get(&client, &resource).await {
                Err(Failed::Credential(error)) => assert!(error.is_possession(), "{error:?}"),
                other => panic!("{id}: {other:?}"),
            }
        }
    }

    async fn serves(&self, id: &str, identity: &Identity) {
        let cached = Cached::new(self.source(id, Some(identity)));
        let resource = self.at("/resource");
        let api = api_with(&self.presenting(Some(identity)), &cached);
        let answer = get(&api, &resource).await.unwrap();
        assert_eq!(answer.status, 200, "{id}");
        assert_eq!(answer.body["client_id"], id);
        // A thief's certificate is another.
        let thief = self.presenting(Some(&self.identities.stranger));
        let answer = get(&api_with(&thief, &cached), &resource).await;
        assert_eq!(answer.unwrap().status, 401, "{id}");
    }

    async fn refusal(&self, id: &str, identity: Option<&Identity>) -> Error {
        let source = self.source(id, identity);
        ask(&source).await.expect_err("the server took it")
    }
}

#[tokio::test]
async fn certificates_at_oidc_provider() {
    let tls = Tls::start();
    let identities = &tls.identities;
    tls.serves("by-authority", &identities.client).await;
    tls.serves("by-itself", &identities.own).await;
    tls.knows("by-authority", &identities.client).await;
    tls.knows("by-itself", &identities.own).await;

    for (id, identity) in [
        ("by-authority", Some(&identities.stranger)),
        ("by-authority", Some(&identities.own)),
        ("by-authority", None),
        ("by-itself", Some(&identities.client)),
        ("by-itself", None),
    ] {
        let error = tls.refusal(id, identity).await;
        assert!(error.is_permanent(), "{error:?}");
        let refused = format!("{} refused client \"{id}\"", tls.at(""));
        let advice = "(invalid_client): check id and certificate";
        assert_eq!(error.to_string(), format!("{refused} {advice}"));
    }
}
