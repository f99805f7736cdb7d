//! [`Key`]: a private key, or the place where it is kept.

use std::{fmt, sync::Arc};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hallpass_core::Error;
use ring::digest;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Algorithm, jwk, key_pair::KeyPair};
use crate::{Secret, secret::Use};

/// A private key that signs JWTs: RSA of 2048 to 4096 bits, P-256, Ed25519, or a shared secret.
///
/// Cheap to clone; clones share it. `Debug` never shows it, and the text that it was read from is
/// overwritten.
///
/// ```
/// use hallpass_oauth2::{Key, Secret};
///
/// // Read, and read anew, at each fetch: a new key needs no restart.
/// let key = Key::read(Secret::file("/run/secrets/client-key.pem")).kid("2026-05");
/// # let _ = key;
/// ```
#[derive(Clone)]
pub struct Key {
    place: Place,
    kid: Option<String>,
    thumbprint: Option<String>,
    algorithm: Option<Algorithm>,
}

#[derive(Clone)]
enum Place {
    Here(Arc<KeyPair>),
    Text(Secret),
}

/// A key for the length of one fetch.
#[derive(Clone)]
pub(crate) struct ReadyKey {
    pair: Arc<KeyPair>,
    kid: Option<String>,
    thumbprint: Option<String>,
    algorithm: Algorithm,
    /// Of the text it was read from; none for a key that never changes.
    mark: Option<[u8; digest::SHA256_OUTPUT_LEN]>,
}

impl Key {
    /// A PEM text with a private key: PKCS#8, PKCS#1 (`RSA PRIVATE KEY`) or SEC1
    /// (`EC PRIVATE KEY`).
    ///
    /// # Errors
    /// If it holds no private key, an encrypted one, or one of another kind. No message holds a
    /// piece of it.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        KeyPair::from_pem(pem.as_bytes()).map(Self::here)
    }

    /// A private key in PKCS#8's binary form.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        KeyPair::from_pkcs8(der).map(Self::here)
    }

    /// A private key as a JSON Web Key. Its `kid` and `alg` count unless set otherwise.
    ///
    /// # Errors
    /// If it is no JWK, only a public one, or of another kind. No message holds a piece of it.
    pub fn from_jwk(json: &str) -> Result<Self, Error> {
        let parsed = jwk::parse(json)?;
        let key = Self {
            kid: parsed.kid,
            ..Self::here(parsed.pair)
        };
        match parsed.algorithm {
            Some(algorithm) => key.checked(algorithm),
            None => Ok(key),
        }
    }

    /// A secret that both sides know, for HS256. It goes without a `kid` unless one is set: some
    /// servers would look for a public key of that name.
    pub fn hmac(secret: impl AsRef<[u8]>) -> Self {
        Self::here(KeyPair::hmac(secret.as_ref()))
    }

    /// A key that is read at each fetch: a PEM text, or a JWK if it begins with a brace.
    pub fn read(text: impl Into<Secret>) -> Self {
        Self {
            place: Place::Text(text.into()),
            kid: None,
            thumbprint: None,
            algorithm: None,
        }
    }

    fn here(pair: KeyPair) -> Self {
        Self {
            place: Place::Here(Arc::new(pair)),
            kid: None,
            thumbprint: None,
            algorithm: None,
        }
    }

    /// The key's id, by which the server finds its public half: the header `kid`.
    #[must_use]
    pub fn kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// Names the certificate that holds the public half: the header `x5t#S256`, its SHA-256.
    ///
    /// # Errors
    /// If the PEM text holds no certificate.
    pub fn certificate(mut self, pem: &str) -> Result<Self, Error> {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| Error::configuration("no certificate in the PEM text"))?;
        let digest = digest::digest(&digest::SHA256, &certificate);
        self.thumbprint = Some(URL_SAFE_NO_PAD.encode(digest));
        Ok(self)
    }

    /// Signs in this way; only RSA keys leave a choice. A key of another kind is refused when it
    /// is used.
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    fn checked(self, algorithm: Algorithm) -> Result<Self, Error> {
        match &self.place {
            Place::Here(pair) if !pair.allows(algorithm) => Err(unfit(algorithm)),
            _ => Ok(self.algorithm(algorithm)),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        match &self.place {
            Place::Here(_) => 0,
            Place::Text(secret) => secret.version(),
        }
    }

    /// The key now. `of` names the source in messages.
    pub(crate) async fn ready(&self, of: &str) -> Result<ReadyKey, Error> {
        let Place::Text(secret) = &self.place else {
            return self.with_mark(None);
        };
        let wanted = Use {
            what: "private key",
            of,
        };
        let text = secret.read(wanted).await?;
        let key = if text.trim_start().starts_with('{') {
            Self::from_jwk(&text)?
        } else {
            Self::from_pem(&text)?
        };
        let key = Self {
            place: key.place,
            kid: self.kid.clone().or(key.kid),
            thumbprint: self.thumbprint.clone(),
            algorithm: self.algorithm.or(key.algorithm),
        };
        key.with_mark(Some(sha256(text.as_bytes())))
    }

    fn with_mark(&self, mark: Option<[u8; 32]>) -> Result<ReadyKey, Error> {
        let Place::Here(pair) = &self.place else {
            return Err(Error::configuration("a private key that was not read"));
        };
        let algorithm = self.algorithm.unwrap_or_else(|| pair.default_algorithm());
        if !pair.allows(algorithm) {
            return Err(unfit(algorithm));
        }
        Ok(ReadyKey {
            pair: pair.clone(),
            kid: self.kid.clone(),
            thumbprint: self.thumbprint.clone(),
            algorithm,
            mark,
        })
    }
}

impl ReadyKey {
    /// A client secret that signs, marked so that its change can be told.
    pub(crate) fn shared(secret: &str) -> Self {
        Self {
            pair: Arc::new(KeyPair::hmac(secret.as_bytes())),
            kid: None,
            thumbprint: None,
            algorithm: Algorithm::Hs256,
            mark: Some(sha256(secret.as_bytes())),
        }
    }

    pub(crate) fn same(&self, other: &Self) -> bool {
        self.mark == other.mark
    }

    /// The base64 of the SHA-256 of the public key's `SubjectPublicKeyInfo`.
    pub(crate) fn public_fingerprint(&self) -> Result<String, Error> {
        let info = self.pair.public_key_info().ok_or_else(|| {
            Error::configuration("a shared secret has no public key to name: use a private key")
        })?;
        Ok(STANDARD.encode(sha256(&info)))
    }

    /// The compact form (RFC 7515 §3.1) of a JWT with this header, to which `alg` and what names
    /// the key are added.
    pub(crate) fn sign(
        &self,
        mut header: Map<String, Value>,
        claims: &Map<String, Value>,
    ) -> Result<Zeroizing<String>, Error> {
        header.insert("alg".to_owned(), self.algorithm.name().into());
        let named = [("kid", &self.kid), ("x5t#S256", &self.thumbprint)];
        for (name, value) in named {
            if let Some(value) = value {
                header.insert(name.to_owned(), value.as_str().into());
            }
        }
        let unwritable = |_| Error::configuration("claims that can't be written as JSON");
        let header = serde_json::to_vec(&header).map_err(unwritable)?;
        let claims = Zeroizing::new(serde_json::to_vec(claims).map_err(unwritable)?);
        // Room for the longest signature too, so that no half-written copy is left behind.
        let room = (header.len() + claims.len() + 512) / 3 * 4 + 16;
        let mut out = Zeroizing::new(String::with_capacity(room));
        URL_SAFE_NO_PAD.encode_string(header, &mut out);
        out.push('.');
        URL_SAFE_NO_PAD.encode_string(&claims, &mut out);
        let signature = self.pair.sign(self.algorithm, out.as_bytes())?;
        out.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut out);
        Ok(out)
    }
}

fn sha256(bytes: &[u8]) -> [u8; digest::SHA256_OUTPUT_LEN] {
    let mut out = [0; digest::SHA256_OUTPUT_LEN];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

fn unfit(algorithm: Algorithm) -> Error {
    Error::configuration(format!(
        "the private key can't sign with {}",
        algorithm.name()
    ))
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = f.debug_struct("Key");
        match &self.place {
            Place::Here(pair) => key.field("kind", &pair.default_algorithm().name()),
            Place::Text(secret) => key.field("read", secret),
        };
        key.field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
