//! TLS and mutual TLS.

use crate::common::{EchoClient, Issuer, Server, message, tokens};
use hallpass_tonic::bearer;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tonic::{
    Code,
    transport::{Certificate, ClientTlsConfig, Endpoint, Identity, ServerTlsConfig},
};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        // In a workspace where another crate brings aws-lc-rs, rustls can't choose by itself.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn certificate(&self) -> Certificate {
        Certificate::from_pem(self.0.pem())
    }

    fn issue(&self, purpose: ExtendedKeyUsagePurpose) -> Identity {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.0).unwrap();
        Identity::from_pem(leaf.pem(), key.serialize_pem())
    }
}

async fn serve(authority: &Authority, mutual: bool) -> Server {
    let identity = authority.issue(ExtendedKeyUsagePurpose::ServerAuth);
    let mut tls = ServerTlsConfig::new().identity(identity);
    if mutual {
        tls = tls.client_ca_root(authority.certificate());
    }
    Server::build(tonic::transport::Server::builder().tls_config(tls).unwrap()).await
}

fn endpoint(server: &Server, tls: ClientTlsConfig) -> Endpoint {
    let uri = format!("https://localhost:{}", server.address.port());
    Endpoint::from_shared(uri).unwrap().tls_config(tls).unwrap()
}

#[tokio::test]
async fn a_call_over_tls_is_renewed_and_replayed() {
    let authority = Authority::new();
    let server = serve(&authority, false).await;
    let tls = ClientTlsConfig::new().ca_certificate(authority.certificate());
    let mut client = EchoClient::new(bearer(endpoint(&server, tls), Issuer::new()));
    client.unary(message("a")).await.unwrap();
    server.gate.revoke();
    client.unary(message("a")).await.unwrap();
    assert_eq!(
        server.gate.bearers(),
        tokens(["token-1", "token-1", "token-2"])
    );
}

#[tokio::test]
async fn mutual_tls_works_beside_it() {
    let authority = Authority::new();
    let server = serve(&authority, true).await;
    let tls = ClientTlsConfig::new()
        .ca_certificate(authority.certificate())
        .identity(authority.issue(ExtendedKeyUsagePurpose::ClientAuth));
    let mut client = EchoClient::new(bearer(endpoint(&server, tls), Issuer::new()));
    client.unary(message("a")).await.unwrap();
    assert_eq!(server.gate.bearers(), tokens(["token-1"]));

    let tls = ClientTlsConfig::new().ca_certificate(authority.certificate());
    let mut client = EchoClient::new(bearer(endpoint(&server, tls), Issuer::new()));
    client.unary(message("a")).await.unwrap_err();
    assert_eq!(server.gate.calls(), 1);
}

#[tokio::test]
async fn an_endpoint_that_says_nothing_of_tls_gets_it() {
    let authority = Authority::new();
    let server = serve(&authority, false).await;
    let uri = format!("https://localhost:{}", server.address.port());
    let endpoint = Endpoint::from_shared(uri).unwrap();

    // tonic alone does not even try.
    let bare = EchoClient::new(endpoint.connect_lazy())
        .unary(message("a"))
        .await
        .unwrap_err();
    assert!(
        format!("{bare:?}").contains("HTTPS without TLS"),
        "{bare:?}"
    );
    // The authority of this test is in nobody's trust store: TLS is spoken, and refuses.
    let channel = bearer(endpoint, Issuer::new());
    let status = EchoClient::new(channel)
        .unary(message("a"))
        .await
        .unwrap_err();
    assert!(matches!(
        status.code(),
        Code::Unavailable | Code::Unauthenticated | Code::Unknown
    ));
    let said = format!("{status:?}");
    assert!(
        said.contains("UnknownIssuer") || said.contains("set TLS up"),
        "{said}"
    );
    assert_eq!(server.gate.calls(), 0);
}
