//! [`Prover`]: a key that signs proofs, and all of a proof that is the same each time.

use std::time::SystemTime;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use hallpass_core::Error;
use http::{HeaderValue, Method};
use serde::Serialize;

use crate::{
    Algorithm, Key,
    assertion::{ReadyKey, unique},
};

/// A key that signs proofs.
pub(crate) struct Prover {
    key: ReadyKey,
    /// The header in base64url, with its point.
    header: String,
    thumbprint: String,
}

/// What a proof says beside who signs it.
pub(super) struct Statement<'a> {
    pub(super) method: &'a Method,
    pub(super) htu: &'a str,
    pub(super) now: SystemTime,
    /// The digest of the access token; none at a token endpoint, which has none yet.
    pub(super) ath: Option<&'a str>,
    pub(super) nonce: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    jti: &'a str,
    htm: &'a str,
    htu: &'a str,
    iat: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

impl Prover {
    pub(super) fn generate(algorithm: Algorithm) -> Result<Self, Error> {
        let key = Key::generate(algorithm)?;
        Self::of(key.ready_now()?.ok_or_else(symmetric)?)
    }

    pub(super) fn of(key: ReadyKey) -> Result<Self, Error> {
        let jwk = key.public_jwk().ok_or_else(symmetric)?;
        let thumbprint = sha256(jwk.as_bytes());
        let algorithm = key.algorithm().name();
        let header = format!(r#"{{"typ":"dpop+jwt","alg":"{algorithm}","jwk":{jwk}}}"#);
        let mut header = URL_SAFE_NO_PAD.encode(header);
        header.push('.');
        Ok(Self {
            key,
            header,
            thumbprint,
        })
    }

    pub(crate) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// A proof that nobody has seen before.
    pub(super) fn prove(&self, statement: &Statement<'_>) -> Result<HeaderValue, Error> {
        self.prove_as(&unique()?, statement)
    }

    pub(super) fn prove_as(
        &self,
        jti: &str,
        statement: &Statement<'_>,
    ) -> Result<HeaderValue, Error> {
        let since_epoch = statement.now.duration_since(SystemTime::UNIX_EPOCH);
        let claims = Claims {
            jti,
            htm: statement.method.as_str(),
            htu: statement.htu,
            iat: since_epoch.unwrap_or_default().as_secs(),
            ath: statement.ath,
            nonce: statement.nonce,
        };
        let claims = serde_json::to_vec(&claims)
            .map_err(|_| Error::configuration("claims that can't be written as JSON"))?;
        // Room for the signature of an RSA key of 4096 bits.
        let room = self.header.len() + claims.len() / 3 * 4 + 4 + 1 + 684;
        let mut proof = String::with_capacity(room);
        proof.push_str(&self.header);
        URL_SAFE_NO_PAD.encode_string(claims, &mut proof);
        let signature = self.key.signature(proof.as_bytes())?;
        proof.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut proof);
        let mut proof = HeaderValue::from_maybe_shared(Bytes::from(proof))
            .map_err(|_| Error::configuration("a proof that no header can carry"))?;
        proof.set_sensitive(true);
        Ok(proof)
    }

    /// Whether both sign with one key.
    pub(crate) fn same_key(&self, other: &Self) -> bool {
        self.thumbprint == other.thumbprint
    }
}

/// In base64url, as thumbprints (RFC 7638 §3) and `ath` are written.
pub(super) fn sha256(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, bytes))
}

fn symmetric() -> Error {
    Error::configuration(
        "a proof of possession takes a private key, and this is a shared secret (RFC 9449, section 4.2)",
    )
}
