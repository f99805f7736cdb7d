//! A private key in the form that signs. All cryptography is *ring*'s.

use hallpass_core::Error;
use ring::{
    hmac,
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
        RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
    },
};
use rustls_pki_types::pem::{self, PemObject as _, SectionKind};
use zeroize::Zeroizing;

use super::{
    der::{self, Kind},
    encrypted::Encryption,
};
use crate::Algorithm;

pub(super) enum KeyPair {
    Hmac(hmac::Key),
    Rsa(Box<rsa::KeyPair>),
    Ec(Curve, Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// The curves of ECDSA keys, each with the one hash that JWTs use it with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
}

impl Curve {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }

    pub(super) fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::P256 => Kind::P256,
            Self::P384 => Kind::P384,
        }
    }

    fn key_pair(self, pkcs8: &[u8]) -> Result<KeyPair, ring::error::KeyRejected> {
        EcdsaKeyPair::from_pkcs8(self.signing(), pkcs8, &SystemRandom::new())
            .map(|key| KeyPair::Ec(self, Box::new(key)))
    }
}

impl KeyPair {
    /// A new one, for an algorithm whose keys *ring* makes.
    pub(super) fn generate(algorithm: Algorithm) -> Result<Self, Error> {
        let random = SystemRandom::new();
        let of_curve = |curve: Curve| EcdsaKeyPair::generate_pkcs8(curve.signing(), &random);
        let document = match algorithm {
            Algorithm::Es256 => of_curve(Curve::P256),
            Algorithm::Es384 => of_curve(Curve::P384),
            Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&random),
            _ => {
                return Err(Error::configuration(format!(
                    "a key in memory is made for ES256, ES384 or EdDSA; for {} give one that is kept",
                    algorithm.name()
                )));
            }
        };
        let document = document.map_err(|_| {
            Error::transient("the system has no random numbers").context("no private key")
        })?;
        Self::from_pkcs8(document.as_ref())
    }

    pub(super) fn hmac(secret: &[u8]) -> Self {
        Self::Hmac(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The first private key in a PEM text; certificates before it are passed over.
    pub(super) fn from_pem(pem: &str) -> Result<Self, Error> {
        if let Some(advice) = Encryption::of(pem).advice() {
            return Err(advice);
        }
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem.as_bytes()) {
            let (kind, der) = section.map_err(refused_pem)?;
            let der = Zeroizing::new(der);
            return match kind {
                SectionKind::PrivateKey => Self::from_pkcs8(&der),
                SectionKind::RsaPrivateKey => rsa::KeyPair::from_der(&der)
                    .map(|key| Self::Rsa(Box::new(key)))
                    .map_err(|why| refused("RSA", why)),
                SectionKind::EcPrivateKey => Self::from_sec1(&der),
                _ => continue,
            };
        }
        Err(Error::configuration("no private key in the PEM text"))
    }

    /// Tries the kinds one after another: each names another algorithm inside, so one fits at most.
    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        match rsa::KeyPair::from_pkcs8(der) {
            Ok(key) => return Ok(Self::Rsa(Box::new(key))),
            Err(why) if is_other_kind(why) => {}
            Err(why) => return Err(refused("RSA", why)),
        }
        match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            Ok(key) => return Ok(Self::Ed25519(Box::new(key))),
            Err(why) if is_other_kind(why) => {}
            Err(why) => return Err(refused("Ed25519", why)),
        }
        for curve in [Curve::P256, Curve::P384] {
            match curve.key_pair(der) {
                Ok(key) => return Ok(key),
                Err(why) if is_other_kind(why) => {}
                Err(why) => return Err(refused(curve.name(), why)),
            }
        }
        Err(Error::configuration(
            "the private key is neither RSA nor P-256 nor P-384 nor Ed25519",
        ))
    }

    /// The length of the number tells the curve: it need not be named inside.
    fn from_sec1(der: &[u8]) -> Result<Self, Error> {
        let of = |curve: Curve| curve.key_pair(&der::pkcs8_of_sec1(curve.kind(), der));
        of(Curve::P256).or_else(|why| of(Curve::P384).map_err(|_| refused("P-256", why)))
    }

    pub(super) fn default_algorithm(&self) -> Algorithm {
        match self {
            Self::Hmac(_) => Algorithm::Hs256,
            Self::Rsa(_) => Algorithm::Rs256,
            Self::Ec(Curve::P256, _) => Algorithm::Es256,
            Self::Ec(Curve::P384, _) => Algorithm::Es384,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    pub(super) fn allows(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Rsa(_) => rsa_encoding(algorithm).is_some(),
            _ => algorithm == self.default_algorithm(),
        }
    }

    /// Signs with this algorithm if it is an RSA key, else with the key's only one.
    pub(super) fn sign(&self, algorithm: Algorithm, data: &[u8]) -> Result<Vec<u8>, Error> {
        let random = SystemRandom::new();
        match self {
            Self::Hmac(key) => Ok(hmac::sign(key, data).as_ref().to_vec()),
            Self::Rsa(key) => {
                let encoding = rsa_encoding(algorithm).ok_or_else(unsigned)?;
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(encoding, &random, data, &mut signature)
                    .map_err(|_| unsigned())?;
                Ok(signature)
            }
            Self::Ec(_, key) => {
                let signature = key.sign(&random, data).map_err(|_| unsigned())?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Ed25519(key) => Ok(key.sign(data).as_ref().to_vec()),
        }
    }

    /// The public half as it stands inside a certificate; a shared secret has none.
    pub(super) fn public_key(&self) -> Option<&[u8]> {
        match self {
            Self::Hmac(_) => None,
            Self::Rsa(key) => Some(key.public().as_ref()),
            Self::Ec(_, key) => Some(key.public_key().as_ref()),
            Self::Ed25519(key) => Some(key.public_key().as_ref()),
        }
    }

    /// The public half as a `SubjectPublicKeyInfo`.
    pub(super) fn public_key_info(&self) -> Option<Vec<u8>> {
        let kind = match self {
            Self::Hmac(_) => return None,
            Self::Rsa(_) => Kind::Rsa,
            Self::Ec(curve, _) => curve.kind(),
            Self::Ed25519(_) => Kind::Ed25519,
        };
        self.public_key()
            .map(|public| der::public_key_info(kind, public))
    }
}

fn rsa_encoding(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &RSA_PSS_SHA256,
        Algorithm::Ps384 => &RSA_PSS_SHA384,
        Algorithm::Ps512 => &RSA_PSS_SHA512,
        _ => return None,
    })
}

fn is_other_kind(why: ring::error::KeyRejected) -> bool {
    why.to_string() == "WrongAlgorithm"
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
