//! Reading and verifying signed JWTs, with *ring*'s verifying side.
#![allow(dead_code, reason = "each test file uses its own part")]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use ring::{
    hmac,
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
        ECDSA_P384_SHA384_FIXED_SIGNING, ED25519, EcdsaKeyPair, EcdsaSigningAlgorithm,
        Ed25519KeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
        RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
        RSA_PSS_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
    },
};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde_json::Value;

pub(crate) const RSA: &str = include_str!("../../keys/rsa.pem");
pub(crate) const RSA_PKCS1: &str = include_str!("../../keys/rsa-pkcs1.pem");
pub(crate) const RSA_JWK: &str = include_str!("../../keys/rsa.jwk");
pub(crate) const P256: &str = include_str!("../../keys/p256.pem");
pub(crate) const P256_SEC1: &str = include_str!("../../keys/p256-sec1.pem");
pub(crate) const P256_JWK: &str = include_str!("../../keys/p256.jwk");
pub(crate) const P256_CERTIFICATE: &str = include_str!("../../keys/p256-certificate.pem");
pub(crate) const P384: &str = include_str!("../../keys/p384.pem");
pub(crate) const P384_SEC1: &str = include_str!("../../keys/p384-sec1.pem");
pub(crate) const P384_JWK: &str = include_str!("../../keys/p384.jwk");
pub(crate) const ED25519_PEM: &str = include_str!("../../keys/ed25519.pem");
pub(crate) const ENCRYPTED: &str = include_str!("../../keys/encrypted.pem");

pub(crate) struct Jws {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jws {
    pub(crate) fn read(token: &str) -> Self {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let json = |text| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
        Self {
            header: json(header),
            claims: json(claims),
            signed: signed.to_owned(),
            signature: URL_SAFE_NO_PAD.decode(signature).unwrap(),
        }
    }

    /// The JWT that stands under this name in a form.
    pub(crate) fn of(form: &str, name: &str) -> Self {
        Self::read(&param(form, name).unwrap())
    }

    /// Whether the public half of the test key for its `alg` says that the signature is good.
    pub(crate) fn verifies(&self) -> bool {
        let (algorithm, public): (&dyn VerificationAlgorithm, Vec<u8>) =
            match self.header["alg"].as_str().unwrap() {
                "RS256" => (&RSA_PKCS1_2048_8192_SHA256, rsa_public()),
                "RS384" => (&RSA_PKCS1_2048_8192_SHA384, rsa_public()),
                "RS512" => (&RSA_PKCS1_2048_8192_SHA512, rsa_public()),
                "PS256" => (&RSA_PSS_2048_8192_SHA256, rsa_public()),
                "PS384" => (&RSA_PSS_2048_8192_SHA384, rsa_public()),
                "PS512" => (&RSA_PSS_2048_8192_SHA512, rsa_public()),
                "ES256" => (
                    &ECDSA_P256_SHA256_FIXED,
                    ec_public(&ECDSA_P256_SHA256_FIXED_SIGNING, P256),
                ),
                "ES384" => (
                    &ECDSA_P384_SHA384_FIXED,
                    ec_public(&ECDSA_P384_SHA384_FIXED_SIGNING, P384),
                ),
                "EdDSA" => {
                    let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der(ED25519_PEM));
                    (&ED25519, key.unwrap().public_key().as_ref().to_vec())
                }
                other => panic!("no public key for {other}"),
            };
        UnparsedPublicKey::new(algorithm, public)
            .verify(self.signed.as_bytes(), &self.signature)
            .is_ok()
    }

    pub(crate) fn verifies_with(&self, secret: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        self.header["alg"] == "HS256"
            && hmac::verify(&key, self.signed.as_bytes(), &self.signature).is_ok()
    }

    pub(crate) fn claim(&self, name: &str) -> &str {
        self.claims[name].as_str().unwrap()
    }

    pub(crate) fn lifetime(&self) -> u64 {
        self.claims["exp"].as_u64().unwrap() - self.claims["iat"].as_u64().unwrap()
    }
}

fn rsa_public() -> Vec<u8> {
    let key = rsa::KeyPair::from_pkcs8(&der(RSA)).unwrap();
    key.public().as_ref().to_vec()
}

fn ec_public(signing: &'static EcdsaSigningAlgorithm, pem: &str) -> Vec<u8> {
    let key = EcdsaKeyPair::from_pkcs8(signing, &der(pem), &SystemRandom::new());
    key.unwrap().public_key().as_ref().to_vec()
}

fn der(pem: &str) -> Vec<u8> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    key.secret_pkcs8_der().to_vec()
}

/// The value of a parameter in a form.
pub(crate) fn param(form: &str, name: &str) -> Option<String> {
    let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(other, _)| *other == name)?;
    Some(
        percent_decode_str(value)
            .decode_utf8()
            .unwrap()
            .into_owned(),
    )
}
