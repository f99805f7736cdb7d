//! [`Trust`]: whom the clients of a caller trust, and which HTTP they speak.

use hallpass_testkit::Relay;
use tokio::sync::OnceCell;

#[derive(Debug, Clone)]
pub(crate) struct Trust {
    pem: String,
    http2: bool,
    /// Whether silent connections are probed where that is left to the user. A machine that is
    /// very busy takes others for silent.
    pub(crate) probes: bool,
}

impl Trust {
    /// The authority of that relay, if it has one; else one whom nobody meets, because reading the
    /// platform's takes a while.
    pub(crate) async fn of(relay: &Relay, http2: bool) -> Self {
        static STRANGER: OnceCell<String> = OnceCell::const_new();
        let stranger = STRANGER.get_or_init(|| async {
            let relay = Relay::start_tls(relay.addr()).await;
            relay.certificate_pem().unwrap().to_owned()
        });
        let pem = match relay.certificate_pem() {
            Some(pem) => pem.to_owned(),
            None => stranger.await.clone(),
        };
        Self {
            pem,
            http2,
            probes: false,
        }
    }

    pub(crate) fn hyper(&self) -> hallpass_hyper::Builder {
        let builder = hallpass_hyper::Builder::new().only_roots_pem(&self.pem);
        if self.http2 {
            builder.http2_only()
        } else {
            builder.http1_only()
        }
    }

    pub(crate) fn reqwest(&self) -> reqwest::ClientBuilder {
        let root = reqwest::Certificate::from_pem(self.pem.as_bytes()).unwrap();
        let builder = reqwest::Client::builder().tls_certs_only([root]).no_proxy();
        if self.http2 {
            builder.http2_prior_knowledge()
        } else {
            builder.http1_only()
        }
    }

    pub(crate) fn tonic(&self) -> tonic::transport::ClientTlsConfig {
        let root = tonic::transport::Certificate::from_pem(&self.pem);
        tonic::transport::ClientTlsConfig::new().ca_certificate(root)
    }
}
