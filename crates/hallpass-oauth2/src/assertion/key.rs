//! [`Key`]: a private key, or the place where it is kept.

use std::{fmt, sync::Arc};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hallpass_core::Error;
use ring::digest;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{
    CertificateHeader,
    certificate::{Certificate, Members},
    jwk,
    key_pair::KeyPair,
};
use crate::{Algorithm, Secret, secret::Use};

/// A private key that signs JWTs: RSA of 2048 to 4096 bits, P-256, P-384, Ed25519, or a shared secret.
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
    #[cfg(feature = "encrypted-keys")]
    password: Option<Secret>,
    kid: Option<String>,
    certificate: Option<Certificate>,
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
    certificate: Members,
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
        KeyPair::from_pem(pem).map(Self::here)
    }

    /// A PEM text with an encrypted private key (`ENCRYPTED PRIVATE KEY`), and its password. It
    /// takes as long as whoever encrypted it wanted.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem), if the password is another, or if the encryption is not
    /// PBES2 with AES.
    #[cfg(feature = "encrypted-keys")]
    pub fn from_encrypted_pem(pem: &str, password: &str) -> Result<Self, Error> {
        let der = super::encrypted::decrypt(pem, password)?;
        Self::from_pkcs8(&der)
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
        Self::at(Place::Text(text.into()))
    }

    /// A new private key, which stays in memory and ends with the process.
    ///
    /// # Errors
    /// If the algorithm is none of [`Es256`](Algorithm::Es256), [`Es384`](Algorithm::Es384) and
    /// [`EdDsa`](Algorithm::EdDsa), or the system has no random numbers.
    pub fn generate(algorithm: Algorithm) -> Result<Self, Error> {
        KeyPair::generate(algorithm).map(Self::here)
    }

    fn here(pair: KeyPair) -> Self {
        Self::at(Place::Here(Arc::new(pair)))
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            #[cfg(feature = "encrypted-keys")]
            password: None,
            kid: None,
            certificate: None,
            algorithm: None,
        }
    }

    /// The password of a key that is [read](Self::read) at each fetch and encrypted; it is read
    /// then, too. A key that is at hand already needs none.
    #[cfg(feature = "encrypted-keys")]
    #[must_use]
    pub fn password(mut self, password: impl Into<Secret>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The key's id, by which the server finds its public half: the header `kid`.
    #[must_use]
    pub fn kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// Names the certificate that holds the public half, in each of these ways. The PEM text is read
    /// at each fetch, as a key that is [read](Self::read) is, so that both can be replaced together;
    /// the key's own certificate stands first in it.
    ///
    /// ```
    /// use hallpass_oauth2::{CertificateHeader, Key, Secret};
    ///
    /// let both = || Secret::file("/run/secrets/client.pem");
    /// let key = Key::read(both()).certificate(both(), [CertificateHeader::X5tS256]);
    /// # let _ = key;
    /// ```
    #[must_use]
    pub fn certificate(
        mut self,
        pem: impl Into<Secret>,
        headers: impl IntoIterator<Item = CertificateHeader>,
    ) -> Self {
        self.certificate = Some(Certificate {
            pem: pem.into(),
            headers: headers.into_iter().collect(),
        });
        self
    }

    /// Signs in this way; only RSA keys leave a choice. A key of another kind is refused when it
    /// is used.
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    pub(crate) fn named_unless_named(
        mut self,
        kid: Option<String>,
        algorithm: Option<Algorithm>,
    ) -> Self {
        self.kid = self.kid.or(kid);
        self.algorithm = self.algorithm.or(algorithm);
        self
    }

    fn checked(self, algorithm: Algorithm) -> Result<Self, Error> {
        match &self.place {
            Place::Here(pair) if !pair.allows(algorithm) => Err(unfit(algorithm)),
            _ => Ok(self.algorithm(algorithm)),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        let mut secrets = Vec::new();
        if let Place::Text(text) = &self.place {
            secrets.push(text);
        }
        #[cfg(feature = "encrypted-keys")]
        secrets.extend(&self.password);
        secrets.extend(
            self.certificate
                .as_ref()
                .map(|certificate| &certificate.pem),
        );
        let versions = secrets.into_iter().map(Secret::version);
        versions.fold(0, u64::wrapping_add)
    }

    /// The key without its certificate, if nothing has to be read for it.
    pub(crate) fn ready_now(&self) -> Result<Option<ReadyKey>, Error> {
        let Place::Here(pair) = &self.place else {
            return Ok(None);
        };
        let algorithm = self.algorithm.unwrap_or_else(|| pair.default_algorithm());
        if !pair.allows(algorithm) {
            return Err(unfit(algorithm));
        }
        Ok(Some(ReadyKey {
            pair: pair.clone(),
            kid: self.kid.clone(),
            certificate: Members::new(),
            algorithm,
            mark: None,
        }))
    }

    /// The key now. `of` names the source in messages.
    pub(crate) async fn ready(&self, of: &str) -> Result<ReadyKey, Error> {
        let (read, mark) = match &self.place {
            Place::Here(_) => (None, None),
            Place::Text(secret) => {
                let wanted = Use {
                    what: "private key",
                    of,
                };
                let text = secret.read(wanted).await?;
                let mark = sha256(text.as_bytes());
                (Some(self.parsed(text, of).await?), Some(mark))
            }
        };
        let key = read.as_ref().unwrap_or(self);
        let Place::Here(pair) = &key.place else {
            return Err(Error::configuration("a private key that was not read"));
        };
        let algorithm = self.algorithm.or(key.algorithm);
        let algorithm = algorithm.unwrap_or_else(|| pair.default_algorithm());
        if !pair.allows(algorithm) {
            return Err(unfit(algorithm));
        }
        Ok(ReadyKey {
            pair: pair.clone(),
            kid: self.kid.clone().or_else(|| key.kid.clone()),
            certificate: match &self.certificate {
                Some(certificate) => certificate.members(pair, of).await?,
                None => Members::new(),
            },
            algorithm,
            mark,
        })
    }

    #[cfg(feature = "encrypted-keys")]
    async fn parsed(&self, text: Zeroizing<String>, of: &str) -> Result<Self, Error> {
        let Some(password) = &self.password else {
            return Self::plain(&text);
        };
        let what = "private key's password";
        let password = password.read(Use { what, of }).await?;
        let work = move || Self::from_encrypted_pem(&text, &password);
        tokio::task::spawn_blocking(work)
            .await
            .map_err(Error::transient)?
    }

    #[cfg(not(feature = "encrypted-keys"))]
    #[allow(clippy::unused_async, reason = "a password is read elsewhere")]
    async fn parsed(&self, text: Zeroizing<String>, _of: &str) -> Result<Self, Error> {
        Self::plain(&text)
    }

    fn plain(text: &str) -> Result<Self, Error> {
        if text.trim_start().starts_with('{') {
            Self::from_jwk(text)
        } else {
            Self::from_pem(text)
        }
    }
}

impl ReadyKey {
    /// A client secret that signs, marked so that its change can be told.
    pub(crate) fn shared(secret: &str) -> Self {
        Self {
            pair: Arc::new(KeyPair::hmac(secret.as_bytes())),
            kid: None,
            certificate: Members::new(),
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

    /// Its public half as a JWK of the required members alone, in the order of RFC 7638 §3.2; a
    /// shared secret has none.
    pub(crate) fn public_jwk(&self) -> Option<String> {
        jwk::public(&self.pair)
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn signature(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.pair.sign(self.algorithm, data)
    }

    /// The compact form (RFC 7515 §3.1) of a JWT with this header, to which `alg` and what names
    /// the key are added.
    pub(crate) fn sign(
        &self,
        mut header: Map<String, Value>,
        claims: &Map<String, Value>,
    ) -> Result<Zeroizing<String>, Error> {
        header.insert("alg".to_owned(), self.algorithm.name().into());
        if let Some(kid) = &self.kid {
            header.insert("kid".to_owned(), kid.as_str().into());
        }
        for (name, value) in &self.certificate {
            header.insert((*name).to_owned(), value.clone());
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
        let signature = self.signature(out.as_bytes())?;
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
