//! A private key in the form that signs. All cryptography is *ring*'s.

use hallpass_core::Error;
use ring::{
    hmac,
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    },
};
use rustls_pki_types::pem::{self, PemObject as _, SectionKind};
use zeroize::Zeroizing;

use super::{
    Algorithm,
    der::{self, Kind},
};

pub(super) enum KeyPair {
    Hmac(hmac::Key),
    Rsa(Box<rsa::KeyPair>),
    P256(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl KeyPair {
    pub(super) fn hmac(secret: &[u8]) -> Self {
        Self::Hmac(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The first private key in a PEM text; certificates before it are passed over.
    pub(super) fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
            let (kind, der) = section.map_err(refused_pem)?;
            let der = Zeroizing::new(der);
            return match kind {
                SectionKind::PrivateKey => Self::from_pkcs8(&der),
                SectionKind::RsaPrivateKey => rsa::KeyPair::from_der(&der)
                    .map(|key| Self::Rsa(Box::new(key)))
                    .map_err(|why| refused("RSA", why)),
                SectionKind::EcPrivateKey => p256(&der::pkcs8_of_sec1(&der)),
                _ => continue,
            };
        }
        Err(Error::configuration(
            "no private key in the PEM text; an encrypted one must be decrypted first",
        ))
    }

    /// Tries the kinds one after another: each names another algorithm inside, so one fits at most.
    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        const OTHER_KIND: &str = "WrongAlgorithm";
        match rsa::KeyPair::from_pkcs8(der) {
            Ok(key) => return Ok(Self::Rsa(Box::new(key))),
            Err(why) if why.to_string() == OTHER_KIND => {}
            Err(why) => return Err(refused("RSA", why)),
        }
        match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            Ok(key) => return Ok(Self::Ed25519(Box::new(key))),
            Err(why) if why.to_string() == OTHER_KIND => {}
            Err(why) => return Err(refused("Ed25519", why)),
        }
        p256(der)
    }

    pub(super) fn default_algorithm(&self) -> Algorithm {
        match self {
            Self::Hmac(_) => Algorithm::Hs256,
            Self::Rsa(_) => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    pub(super) fn allows(&self, algorithm: Algorithm) -> bool {
        algorithm == self.default_algorithm()
            || (algorithm == Algorithm::Ps256 && matches!(self, Self::Rsa(_)))
    }

    /// Signs with the key's own algorithm; `Ps256` makes a difference for RSA alone.
    pub(super) fn sign(&self, algorithm: Algorithm, data: &[u8]) -> Result<Vec<u8>, Error> {
        let random = SystemRandom::new();
        match self {
            Self::Hmac(key) => Ok(hmac::sign(key, data).as_ref().to_vec()),
            Self::Rsa(key) => {
                let padding: &dyn ring::signature::RsaEncoding = match algorithm {
                    Algorithm::Ps256 => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(padding, &random, data, &mut signature)
                    .map_err(|_| unsigned())?;
                Ok(signature)
            }
            Self::P256(key) => {
                let signature = key.sign(&random, data).map_err(|_| unsigned())?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Ed25519(key) => Ok(key.sign(data).as_ref().to_vec()),
        }
    }

    /// The public half as a `SubjectPublicKeyInfo`; a shared secret has none.
    pub(super) fn public_key_info(&self) -> Option<Vec<u8>> {
        Some(match self {
            Self::Hmac(_) => return None,
            Self::Rsa(key) => der::public_key_info(Kind::Rsa, key.public().as_ref()),
            Self::P256(key) => der::public_key_info(Kind::P256, key.public_key().as_ref()),
            Self::Ed25519(key) => der::public_key_info(Kind::Ed25519, key.public_key().as_ref()),
        })
    }
}

fn p256(pkcs8: &[u8]) -> Result<KeyPair, Error> {
    EcdsaKeyPair::from_pkcs8(
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        pkcs8,
        &SystemRandom::new(),
    )
    .map(|key| KeyPair::P256(Box::new(key)))
    .map_err(|why| {
        if why.to_string() == "WrongAlgorithm" {
            Error::configuration("the private key is neither RSA nor P-256 nor Ed25519")
        } else {
            refused("P-256", why)
        }
    })
}

/// *ring*'s reasons are words about the form, never about the content.
pub(super) fn refused(kind: &str, why: ring::error::KeyRejected) -> Error {
    Error::configuration(format!("the {kind} private key can't be used: {why}"))
}

// The parser's own message may quote a line of the key.
fn refused_pem(_: pem::Error) -> Error {
    Error::configuration("the private key's PEM text is damaged")
}

fn unsigned() -> Error {
    Error::configuration("signing failed: the parts of the private key don't belong together")
}
