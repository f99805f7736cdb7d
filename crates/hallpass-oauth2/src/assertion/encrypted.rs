//! Private keys that are encrypted with a password (PKCS#8, RFC 5958 §3).

use hallpass_core::Error;

/// Whether and how a PEM text keeps its key from whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    None,
    Pkcs8,
    /// Of OpenSSL alone, with a digest of one round over the password.
    Old,
}

const BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";

impl Encryption {
    pub(super) fn of(pem: &str) -> Self {
        if pem.contains(BEGIN) {
            Self::Pkcs8
        } else if pem.contains("Proc-Type: 4,ENCRYPTED") {
            Self::Old
        } else {
            Self::None
        }
    }

    /// What to do about it without a password.
    pub(super) fn advice(self) -> Option<Error> {
        Some(Error::configuration(match self {
            Self::None => return None,
            Self::Old => {
                "the private key is encrypted in OpenSSL's old form: convert it with \"openssl pkcs8 -topk8\""
            }
            Self::Pkcs8 if cfg!(feature = "encrypted-keys") => {
                "the private key is encrypted: say its password, or decrypt it with \"openssl pkcs8\""
            }
            Self::Pkcs8 => {
                "the private key is encrypted: decrypt it with \"openssl pkcs8\", or use the feature encrypted-keys"
            }
        }))
    }
}

#[cfg(feature = "encrypted-keys")]
pub(super) use self::decryption::decrypt;

#[cfg(feature = "encrypted-keys")]
mod decryption {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use pkcs8::{
        EncryptedPrivateKeyInfoRef,
        pkcs5::{EncryptionScheme, pbes2::Kdf},
    };
    use zeroize::Zeroizing;

    use super::{BEGIN, Encryption, Error};

    const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";

    /// Rounds of PBKDF2 that take a few seconds; a key that wants more is damaged or hostile.
    const ROUNDS: u32 = 10_000_000;
    /// What scrypt may use of memory.
    const MEMORY: u64 = 256 * 1024 * 1024;

    /// The PKCS#8 key inside. It takes as long as whoever encrypted it wanted it to: off the
    /// runtime's threads.
    pub(in super::super) fn decrypt(
        pem: &str,
        password: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let damaged = || Error::configuration("the private key's PEM text is damaged");
        if let (Encryption::Old, Some(advice)) = (Encryption::of(pem), Encryption::Old.advice()) {
            return Err(advice);
        }
        let (_, rest) = pem.split_once(BEGIN).ok_or_else(|| {
            Error::configuration("a password is set, and the private key is not encrypted")
        })?;
        let (body, _) = rest.split_once(END).ok_or_else(damaged)?;
        let body: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| damaged())?;
        let key = EncryptedPrivateKeyInfoRef::try_from(der.as_slice()).map_err(|_| {
            Error::configuration(
                "the private key is encrypted in a way that is not PBES2 with AES: convert it with \"openssl pkcs8 -topk8 -v2 aes-256-cbc\"",
            )
        })?;
        if !affordable(&key.encryption_algorithm) {
            return Err(Error::configuration(
                "the private key's encryption asks for too much work: convert it with \"openssl pkcs8 -topk8 -v2 aes-256-cbc\"",
            ));
        }
        let opened = key.decrypt(password).map_err(|_| {
            Error::configuration("the private key can't be decrypted: is it another password?")
        })?;
        Ok(Zeroizing::new(opened.as_bytes().to_vec()))
    }

    fn affordable(scheme: &EncryptionScheme) -> bool {
        match scheme.pbes2().map(|parameters| &parameters.kdf) {
            Some(Kdf::Pbkdf2(kdf)) => kdf.iteration_count <= ROUNDS,
            Some(Kdf::Scrypt(kdf)) => {
                let block = 128 * u64::from(kdf.block_size);
                let lanes = u64::from(kdf.parallelization.max(1));
                let cost = block.checked_mul(kdf.cost_parameter);
                cost.and_then(|cost| cost.checked_mul(lanes))
                    .is_some_and(|bytes| bytes <= MEMORY)
            }
            _ => false,
        }
    }
}
