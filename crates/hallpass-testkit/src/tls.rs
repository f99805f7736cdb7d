//! Certificate authorities, each for one server and gone with it.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What a caller must trust.
pub(crate) struct Authority {
    pub(crate) der: Vec<u8>,
    pub(crate) pem: String,
}

/// Certificates for this machine, right and wrong.
pub(crate) struct Certified {
    pub(crate) authority: Authority,
    pub(crate) right: TlsAcceptor,
    pub(crate) wrong_name: TlsAcceptor,
    pub(crate) expired: TlsAcceptor,
}

impl Certified {
    pub(crate) fn make() -> io::Result<Self> {
        let (authority, issuer) = authority().map_err(io::Error::other)?;
        let certify = |names: &[&str], edit: fn(&mut CertificateParams)| {
            let certified = certify(&issuer, names, edit).map_err(io::Error::other)?;
            acceptor(certified, false)
        };
        Ok(Self {
            right: certify(&THIS_MACHINE, |_| {})?,
            wrong_name: certify(&["elsewhere.test"], |_| {})?,
            expired: certify(&THIS_MACHINE, |params| {
                params.not_after = date_time_ymd(2001, 1, 1);
            })?,
            authority,
        })
    }
}

const THIS_MACHINE: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

pub(crate) fn make(http1_only: bool) -> io::Result<(TlsAcceptor, Authority)> {
    let (authority, issuer) = authority().map_err(io::Error::other)?;
    let certified = certify(&issuer, &THIS_MACHINE, |_| {}).map_err(io::Error::other)?;
    Ok((acceptor(certified, http1_only)?, authority))
}

fn acceptor((chain, key): Certificate, http1_only: bool) -> io::Result<TlsAcceptor> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if !http1_only {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn authority() -> Result<(Authority, Issuer<'static, KeyPair>), rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "hallpass-testkit authority");
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let authority = Authority {
        der: certificate.der().to_vec(),
        pem: certificate.pem(),
    };
    Ok((authority, Issuer::new(params, key)))
}

type Certificate = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn certify(
    issuer: &Issuer<'_, KeyPair>,
    names: &[&str],
    edit: fn(&mut CertificateParams),
) -> Result<Certificate, rcgen::Error> {
    let names: Vec<_> = names.iter().copied().map(str::to_owned).collect();
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "hallpass-testkit");
    params.use_authority_key_identifier_extension = true;
    edit(&mut params);
    let key = KeyPair::generate()?;
    let leaf = params.signed_by(&key, issuer)?;
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    Ok((vec![leaf.der().clone()], key))
}
