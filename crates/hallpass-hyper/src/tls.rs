//! [`Tls`]: whom to trust, and how that becomes a rustls configuration.

use std::{fmt, sync::Arc};

use hallpass_core::Error;
use http::{Uri, uri::Scheme};
use rustls::{
    ClientConfig, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;
use zeroize::Zeroizing;

/// Which versions of HTTP are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versions {
    Both,
    Http1,
    Http2,
}

impl Versions {
    /// Without TLS, HTTP/2 is only spoken by prior knowledge.
    pub(crate) fn may_be_http2(self, uri: &Uri) -> bool {
        match self {
            Self::Both => uri.scheme() == Some(&Scheme::HTTPS),
            Self::Http1 => false,
            Self::Http2 => true,
        }
    }

    fn alpn(self) -> Vec<Vec<u8>> {
        let names: &[&[u8]] = match self {
            Self::Both => &[b"h2", b"http/1.1"],
            Self::Http1 => &[b"http/1.1"],
            Self::Http2 => &[b"h2"],
        };
        names.iter().map(|name| name.to_vec()).collect()
    }
}

/// Whom to trust.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tls {
    own_only: bool,
    roots: Vec<CertificateDer<'static>>,
    /// The first root that could not be read; reported when something is built.
    unreadable: Option<Unreadable>,
    config: Option<Arc<ClientConfig>>,
    presented: Option<Presented>,
}

/// The certificate that a client presents, with its key, as they stand in PEM.
#[derive(Clone)]
struct Presented {
    chain: Vec<u8>,
    key: Arc<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presented")
    }
}

#[derive(Debug, Clone, Copy)]
enum Unreadable {
    NoCertificate,
    Pem,
}

impl Tls {
    pub(crate) fn without_platform(&mut self) {
        self.own_only = true;
    }

    pub(crate) fn add_der(&mut self, der: &[u8]) {
        self.roots.push(CertificateDer::from(der.to_vec()));
    }

    pub(crate) fn add_pem(&mut self, pem: &[u8]) {
        match read_pem(pem) {
            Ok(roots) => self.roots.extend(roots),
            Err(unreadable) => self.unreadable = self.unreadable.or(Some(unreadable)),
        }
    }

    pub(crate) fn set_config(&mut self, config: ClientConfig) {
        self.config = Some(Arc::new(config));
    }

    pub(crate) fn present(&mut self, chain: &[u8], key: &[u8]) {
        self.presented = Some(Presented {
            chain: chain.to_vec(),
            key: Arc::new(Zeroizing::new(key.to_vec())),
        });
    }

    /// The certificate that is presented to a server that has no wishes.
    pub(crate) fn certificate(&self) -> Option<CertificateDer<'static>> {
        if let Some(presented) = &self.presented {
            return read_pem(&presented.chain).ok()?.into_iter().next();
        }
        let resolver = &self.config.as_ref()?.client_auth_cert_resolver;
        let schemes = ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes();
        let presented = resolver.resolve(&[], &schemes)?;
        presented.cert.first().cloned()
    }

    pub(crate) fn config(&self, versions: Versions) -> Result<ClientConfig, Error> {
        let mut config = match &self.config {
            Some(config) if self.is_untouched() => ClientConfig::clone(config),
            Some(_) => {
                return Err(Error::configuration(
                    "roots or a certificate were given beside a TLS configuration: put them into it",
                ));
            }
            None => self.trusting()?,
        };
        config.alpn_protocols = versions.alpn();
        Ok(config)
    }

    fn is_untouched(&self) -> bool {
        !self.own_only
            && self.roots.is_empty()
            && self.unreadable.is_none()
            && self.presented.is_none()
    }

    fn trusting(&self) -> Result<ClientConfig, Error> {
        match self.unreadable {
            Some(Unreadable::NoCertificate) => {
                return Err(Error::configuration("a root in PEM holds no certificate"));
            }
            Some(Unreadable::Pem) => {
                return Err(Error::configuration("a root is not valid PEM"));
            }
            None => {}
        }
        // Named rather than the process's default, which others may set, or nobody.
        let provider = Arc::new(ring::default_provider());
        let verifier = self.verifier(&provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::permanent(error).context("TLS cannot be set up"))?;
        // Dangerous in name only: the verifier is the platform's or that of webpki.
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let Some(presented) = &self.presented else {
            return Ok(builder.with_no_client_auth());
        };
        let chain = read_pem(&presented.chain).map_err(|unreadable| {
            Error::configuration(match unreadable {
                Unreadable::NoCertificate => "the client's certificate holds none in PEM",
                Unreadable::Pem => "the client's certificate is not valid PEM",
            })
        })?;
        let key = PrivateKeyDer::from_pem_slice(&presented.key)
            .map_err(|_| Error::configuration("the client's key holds no private key in PEM"))?;
        builder.with_client_auth_cert(chain, key).map_err(|error| {
            Error::permanent(error).context("the client's certificate and its key do not fit")
        })
    }

    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, Error> {
        if !self.own_only {
            let roots = self.roots.clone();
            return Ok(Arc::new(platform(roots, Arc::clone(provider))?));
        }
        let mut store = RootCertStore::empty();
        for root in &self.roots {
            store.add(root.clone()).map_err(not_a_root)?;
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
                .build()
                .map_err(|error| Error::permanent(error).context("TLS has no root to trust"))?;
        Ok(verifier)
    }
}

fn read_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Unreadable> {
    let roots = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, pem::Error>>()
        .map_err(|_| Unreadable::Pem)?;
    if roots.is_empty() {
        return Err(Unreadable::NoCertificate);
    }
    Ok(roots)
}

fn not_a_root(error: rustls::Error) -> Error {
    Error::permanent(error).context("a root is not a certificate that can be trusted")
}

#[cfg(not(target_os = "android"))]
fn platform(
    roots: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Verifier, Error> {
    let extra = !roots.is_empty();
    Verifier::new_with_extra_roots(roots, provider).map_err(|error| {
        if extra {
            not_a_root(error)
        } else {
            Error::permanent(error).context(
                "the platform has no roots to trust: install its certificates, or give roots",
            )
        }
    })
}

#[cfg(target_os = "android")]
fn platform(
    roots: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Verifier, Error> {
    if !roots.is_empty() {
        return Err(Error::configuration(
            "Android's verifier takes no further roots: use only your own, or only its",
        ));
    }
    Verifier::new(provider)
        .map_err(|error| Error::permanent(error).context("the platform's verifier is not set up"))
}
