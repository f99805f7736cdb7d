//! The certificate that names a key in a JWT's header.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hallpass_core::Error;
use ring::digest;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::Value;

use super::key_pair::KeyPair;
use crate::{Secret, secret::Use};

/// How a JWT's header names the certificate of its key (RFC 7515 §4.1.6 to §4.1.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateHeader {
    /// `x5t`, its SHA-1, for servers that know only that.
    X5t,
    /// `x5t#S256`, its SHA-256.
    X5tS256,
    /// `x5c`, the certificate and those that vouch for it, as they stand in the PEM text.
    X5c,
}

/// Where the certificate is kept, and what is told of it.
#[derive(Clone)]
pub(super) struct Certificate {
    pub(super) pem: Secret,
    pub(super) headers: Vec<CertificateHeader>,
}

/// The members of a JWT's header.
pub(super) type Members = Vec<(&'static str, Value)>;

impl CertificateHeader {
    fn member(self, chain: &[CertificateDer<'_>], leaf: &[u8]) -> (&'static str, Value) {
        let digest = |algorithm| URL_SAFE_NO_PAD.encode(digest::digest(algorithm, leaf));
        match self {
            Self::X5t => ("x5t", digest(&digest::SHA1_FOR_LEGACY_USE_ONLY).into()),
            Self::X5tS256 => ("x5t#S256", digest(&digest::SHA256).into()),
            // Plain base64 and not its URL form, unlike everything else in a JWT.
            Self::X5c => (
                "x5c",
                chain.iter().map(|der| STANDARD.encode(der)).collect(),
            ),
        }
    }
}

impl Certificate {
    pub(super) async fn members(&self, pair: &KeyPair, of: &str) -> Result<Members, Error> {
        let what = "certificate";
        let text = self.pem.read(Use { what, of }).await?;
        let chain = chain(&text)?;
        let leaf = leaf(&chain)?;
        let public = pair.public_key().unwrap_or_default();
        if public.is_empty() || !leaf.windows(public.len()).any(|part| part == public) {
            return Err(Error::configuration(
                "the certificate belongs to another key: the first one in the PEM text must be the private key's",
            ));
        }
        let headers = self.headers.iter();
        Ok(headers.map(|header| header.member(&chain, leaf)).collect())
    }
}

/// The SHA-256 thumbprint of a certificate in DER, or of the first one in a PEM text, in base64url:
/// `x5t#S256` (RFC 8705 §3.1).
///
/// # Errors
/// If there is no certificate in the text, or the text is damaged. No message holds a piece of it.
pub fn thumbprint(certificate: impl AsRef<[u8]>) -> Result<String, Error> {
    let bytes = certificate.as_ref();
    let digest = |der: &[u8]| URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, der));
    // A sequence longer than 127 bytes, as every certificate is; no text begins like this.
    if let [0x30, 0x80..=0xFF, ..] = bytes {
        return Ok(digest(bytes));
    }
    let pem = std::str::from_utf8(bytes).map_err(|_| damaged())?;
    Ok(digest(leaf(&chain(pem)?)?))
}

fn chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    // The parser's own message may quote a line, of a key perhaps.
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| damaged())
}

fn damaged() -> Error {
    Error::configuration("the certificate's PEM text is damaged")
}

fn leaf<'a>(chain: &'a [CertificateDer<'static>]) -> Result<&'a CertificateDer<'static>, Error> {
    let first = chain.first();
    first.ok_or_else(|| Error::configuration("no certificate in the PEM text"))
}
