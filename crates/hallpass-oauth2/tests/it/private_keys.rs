//! Keys that are encrypted, and the certificates that name them.

use std::fs;

use hallpass_core::{CredentialSource as _, Error, Fetch};
use hallpass_oauth2::{CertificateHeader, Jwt, Key, Secret, SelfSigned};

use crate::common::{
    self,
    jws::{self, Jws},
};

async fn signed(key: Key) -> Result<Jws, Error> {
    let source = SelfSigned::new(Jwt::signed_by(key));
    let credential = source.fetch(&Fetch::first()).await?;
    let value = credential.header_value().to_str().unwrap();
    Ok(Jws::read(value.strip_prefix("Bearer ").unwrap()))
}

async fn refusal(key: Key) -> String {
    let error = signed(key).await.err().unwrap();
    assert!(error.is_permanent());
    common::chain(&error)
}

const OLD: &str = include_str!("../keys/encrypted-old.pem");

#[tokio::test]
async fn an_encrypted_key_without_a_password_is_called_encrypted() {
    let advice = if cfg!(feature = "encrypted-keys") {
        "the private key is encrypted: say its password, or decrypt it with \"openssl pkcs8\""
    } else {
        "the private key is encrypted: decrypt it with \"openssl pkcs8\", or use the feature encrypted-keys"
    };
    assert_eq!(refusal(Key::read(jws::ENCRYPTED)).await, advice);
    assert_eq!(
        refusal(Key::read(OLD)).await,
        "the private key is encrypted in OpenSSL's old form: convert it with \"openssl pkcs8 -topk8\""
    );
}

#[cfg(feature = "encrypted-keys")]
mod encrypted {
    use super::*;

    const SCRYPT: &str = include_str!("../keys/encrypted-scrypt.pem");
    const COSTLY: &str = include_str!("../keys/encrypted-costly.pem");
    const DES: &str = include_str!("../keys/encrypted-des.pem");
    const PASSWORD: &str = "correct horse";

    #[tokio::test]
    async fn a_password_opens_it() {
        for (key, alg) in [
            (
                Key::from_encrypted_pem(jws::ENCRYPTED, PASSWORD).unwrap(),
                "ES256",
            ),
            (Key::from_encrypted_pem(SCRYPT, PASSWORD).unwrap(), "ES384"),
            (
                Key::read(Secret::file("tests/keys/encrypted.pem")).password(PASSWORD),
                "ES256",
            ),
        ] {
            let shown = format!("{key:?}");
            assert!(!shown.contains(PASSWORD), "{shown}");
            let jws = signed(key).await.unwrap();
            assert_eq!(jws.header["alg"], alg);
            assert!(jws.verifies());
        }
    }

    #[tokio::test]
    async fn what_does_not_open_says_why() {
        let damaged = jws::ENCRYPTED.replace("MIHs", "!!!!");
        for (pem, password, expected) in [
            (
                jws::ENCRYPTED,
                "wrong",
                "the private key can't be decrypted: is it another password?",
            ),
            (
                COSTLY,
                "x",
                "the private key's encryption asks for too much work: convert it with \"openssl pkcs8 -topk8 -v2 aes-256-cbc\"",
            ),
            (
                DES,
                PASSWORD,
                "the private key is encrypted in a way that is not PBES2 with AES: convert it with \"openssl pkcs8 -topk8 -v2 aes-256-cbc\"",
            ),
            (
                OLD,
                PASSWORD,
                "the private key is encrypted in OpenSSL's old form: convert it with \"openssl pkcs8 -topk8\"",
            ),
            (
                jws::P256,
                PASSWORD,
                "a password is set, and the private key is not encrypted",
            ),
            (&*damaged, PASSWORD, "the private key's PEM text is damaged"),
        ] {
            assert_eq!(refusal(Key::read(pem).password(password)).await, expected);
        }
    }
}

#[tokio::test]
async fn a_certificate_names_the_key_as_the_server_wants_it() {
    use CertificateHeader::{X5c, X5t, X5tS256};
    let key = || Key::from_pem(jws::P256).unwrap();
    let all = key().certificate(jws::P256_CERTIFICATE, [X5t, X5tS256, X5c]);
    let jws = signed(all).await.unwrap();
    assert!(jws.verifies());
    assert_eq!(jws.header["x5t"], "nSaSSTv_MSmEBTX9aNh97oCgBCg");
    assert_eq!(
        jws.header["x5t#S256"],
        "oTBBvr6rTRpHgPRNkyU4iUiSUdYcARna3Ui6POW86Ks"
    );
    let chain = jws.header["x5c"].as_array().unwrap();
    let body = jws::P256_CERTIFICATE
        .lines()
        .filter(|line| !line.starts_with('-'));
    assert_eq!(chain.len(), 1);
    assert_eq!(chain[0], body.collect::<String>());

    let one = key().certificate(jws::P256_CERTIFICATE, [X5tS256]);
    let jws = signed(one).await.unwrap();
    assert!(jws.header.get("x5t").is_none() && jws.header.get("x5c").is_none());
}

#[tokio::test]
async fn a_certificate_is_read_with_its_key_and_has_to_fit() {
    let path = std::env::temp_dir().join(format!("hallpass-key-{}.pem", std::process::id()));
    fs::write(&path, [jws::P256, jws::P256_CERTIFICATE].concat()).unwrap();
    let both = || Secret::file(&path);
    let key = Key::read(both()).certificate(both(), [CertificateHeader::X5tS256]);
    assert!(signed(key.clone()).await.unwrap().verifies());

    fs::write(&path, [jws::P384, jws::P256_CERTIFICATE].concat()).unwrap();
    assert_eq!(
        refusal(key.clone()).await,
        "the certificate belongs to another key: the first one in the PEM text must be the private key's"
    );
    fs::write(&path, jws::P256).unwrap();
    assert_eq!(refusal(key).await, "no certificate in the PEM text");
    fs::remove_file(&path).unwrap();

    let shared = Key::hmac("s3cr3t").certificate(jws::P256_CERTIFICATE, []);
    assert!(refusal(shared).await.starts_with("the certificate belongs"));
}

#[tokio::test]
async fn a_life_is_as_long_as_it_was_asked_for() {
    use std::time::{Duration, SystemTime};
    let key = Key::from_pem(jws::P256).unwrap();
    let now = || {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap().as_secs()
    };
    for (seconds, backdated) in [(60, 60), (5, 60), (5, 0)] {
        let jwt = Jwt::signed_by(key.clone())
            .lifetime(Duration::from_secs(seconds))
            .backdated(Duration::from_secs(backdated));
        let before = now();
        let source = SelfSigned::new(jwt);
        let credential = source.fetch(&Fetch::first()).await.unwrap();
        assert_eq!(
            common::lifetime(&credential),
            Some(Duration::from_secs(seconds))
        );
        let value = credential.header_value().to_str().unwrap();
        let jws = Jws::read(value.strip_prefix("Bearer ").unwrap());
        let claim = |name: &str| jws.claims[name].as_u64().unwrap();
        assert!((before + seconds..=now() + seconds).contains(&claim("exp")));
        assert_eq!(claim("exp") - claim("iat"), seconds + backdated);
    }
}
