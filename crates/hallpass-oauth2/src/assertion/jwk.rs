//! Keys as JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037 §2).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass_core::Error;
use ring::{
    rand::SystemRandom,
    rsa,
    signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::key_pair::{Curve, KeyPair, refused};
use crate::Algorithm;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<Zeroizing<String>>,
    p: Option<Zeroizing<String>>,
    q: Option<Zeroizing<String>>,
    dp: Option<Zeroizing<String>>,
    dq: Option<Zeroizing<String>>,
    qi: Option<Zeroizing<String>>,
    x: Option<String>,
    y: Option<String>,
    k: Option<Zeroizing<String>>,
}

/// A key and what its JWK says of it.
pub(super) struct Parsed {
    pub(super) pair: KeyPair,
    pub(super) kid: Option<String>,
    pub(super) algorithm: Option<Algorithm>,
}

pub(super) fn parse(json: &str) -> Result<Parsed, Error> {
    // The parser's own message may quote the key.
    let jwk: Jwk = serde_json::from_str(json)
        .map_err(|_| Error::configuration("the private key's JWK is not a JSON object of text"))?;
    let algorithm = match &jwk.alg {
        None => None,
        Some(name) => Some(Algorithm::named(name).ok_or_else(|| {
            Error::configuration(format!(
                "the JWK's alg \"{}\" is none of {}",
                crate::text::printable(name),
                Algorithm::all_names()
            ))
        })?),
    };
    let pair = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => jwk.rsa()?,
        ("EC", Some("P-256")) => jwk.ec(Curve::P256)?,
        ("EC", Some("P-384")) => jwk.ec(Curve::P384)?,
        ("OKP", Some("Ed25519")) => jwk.ed25519()?,
        ("oct", _) => KeyPair::hmac(&private("k", jwk.k.as_ref())?),
        _ => {
            return Err(Error::configuration(
                "the JWK is neither RSA nor EC P-256 or P-384 nor OKP Ed25519 nor oct",
            ));
        }
    };
    Ok(Parsed {
        pair,
        kid: jwk.kid,
        algorithm,
    })
}

impl Jwk {
    fn rsa(&self) -> Result<KeyPair, Error> {
        let components = rsa::KeyPairComponents {
            public_key: rsa::PublicKeyComponents {
                n: public_member("n", self.n.as_deref())?,
                e: public_member("e", self.e.as_deref())?,
            },
            d: private("d", self.d.as_ref())?,
            p: private("p", self.p.as_ref())?,
            q: private("q", self.q.as_ref())?,
            dP: private("dp", self.dp.as_ref())?,
            dQ: private("dq", self.dq.as_ref())?,
            qInv: private("qi", self.qi.as_ref())?,
        };
        rsa::KeyPair::from_components(&components)
            .map(|key| KeyPair::Rsa(Box::new(key)))
            .map_err(|why| refused("RSA", why))
    }

    fn ec(&self, curve: Curve) -> Result<KeyPair, Error> {
        let (x, y) = (
            public_member("x", self.x.as_deref())?,
            public_member("y", self.y.as_deref())?,
        );
        let uncompressed = [&[4], x.as_slice(), y.as_slice()].concat();
        EcdsaKeyPair::from_private_key_and_public_key(
            curve.signing(),
            &private("d", self.d.as_ref())?,
            &uncompressed,
            &SystemRandom::new(),
        )
        .map(|key| KeyPair::Ec(curve, Box::new(key)))
        .map_err(|why| refused(curve.name(), why))
    }

    fn ed25519(&self) -> Result<KeyPair, Error> {
        let (seed, public) = (
            private("d", self.d.as_ref())?,
            public_member("x", self.x.as_deref())?,
        );
        Ed25519KeyPair::from_seed_and_public_key(&seed, &public)
            .map(|key| KeyPair::Ed25519(Box::new(key)))
            .map_err(|why| refused("Ed25519", why))
    }
}

/// The public half: the members that RFC 7638 §3.2 requires, in its order, without a space.
pub(super) fn public(pair: &KeyPair) -> Option<String> {
    let base64url = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Some(match pair {
        KeyPair::Hmac(_) => return None,
        KeyPair::Rsa(key) => {
            let public = rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
            let [e, n] = [public.e, public.n].map(|number| base64url(&number));
            format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
        }
        KeyPair::Ec(curve, key) => {
            // After a byte that says that it is uncompressed.
            let point = key.public_key().as_ref().get(1..)?;
            let (x, y) = point.split_at(point.len() / 2);
            let (curve, x, y) = (curve.name(), base64url(x), base64url(y));
            format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x}","y":"{y}"}}"#)
        }
        KeyPair::Ed25519(key) => {
            let x = base64url(key.public_key().as_ref());
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
        }
    })
}

fn public_member(name: &str, value: Option<&str>) -> Result<Vec<u8>, Error> {
    bytes(name, value).map(|mut bytes| std::mem::take(&mut *bytes))
}

fn private(name: &str, value: Option<&Zeroizing<String>>) -> Result<Zeroizing<Vec<u8>>, Error> {
    bytes(name, value.map(|value| value.as_str()))
}

fn bytes(name: &str, value: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Error> {
    let value = value.ok_or_else(|| {
        Error::configuration(format!(
            "the JWK has no \"{name}\": is it only the public half?"
        ))
    })?;
    URL_SAFE_NO_PAD
        .decode(value.trim_end_matches('='))
        .map(Zeroizing::new)
        .map_err(|_| Error::configuration(format!("the JWK's \"{name}\" is not base64url")))
}
