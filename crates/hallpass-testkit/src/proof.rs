//! [`Proof`]: a proof of possession as a server reads it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::{Map, Value, json};

/// A `DPoP` header whose signature is right (RFC 9449 §4.2).
///
/// What it says is not judged here, but for what no proof may lack: [`Builder::dpop`] makes a server
/// that does.
///
/// [`Builder::dpop`]: crate::Builder::dpop
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proof {
    /// The JWS algorithm.
    pub alg: String,
    /// The thumbprint of its key (RFC 7638).
    pub thumbprint: String,
    /// Its own identifier.
    pub jti: String,
    /// The method of its request.
    pub htm: String,
    /// The URL of its request.
    pub htu: String,
    /// When it was made, in seconds since the Unix epoch.
    pub iat: u64,
    /// The digest of the access token, if there is one.
    pub ath: Option<String>,
    /// The server's nonce, if there is one.
    pub nonce: Option<String>,
}

impl Proof {
    /// Reads a proof and checks its form and its signature.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn read(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err(format!("{} parts instead of three", parts.len()));
        };
        let signed = &text[..header.len() + 1 + claims.len()];
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| "the signature is not base64url")?;
        let (header, claims) = (object("header", header)?, object("claims", claims)?);

        let names: Vec<&String> = header.keys().collect();
        if names != ["alg", "jwk", "typ"] {
            return Err(format!("the header has the members {names:?}"));
        }
        if header["typ"] != "dpop+jwt" {
            return Err(format!("the type is {}", header["typ"]));
        }
        let alg = text_of(&header, "alg")?;
        let jwk = header["jwk"].as_object().ok_or("the jwk is no object")?;
        let key = PublicKey::read(jwk)?;
        if !key.verifies(&alg, signed.as_bytes(), &signature) {
            return Err(format!("the signature is not one by {alg} and the key"));
        }
        let known = ["jti", "htm", "htu", "iat", "ath", "nonce"];
        if let Some(name) = claims.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(format!("no proof has a claim {name}"));
        }
        let optional = |name: &str| claims.get(name).map(|_| text_of(&claims, name)).transpose();
        Ok(Self {
            alg,
            thumbprint: key.thumbprint(),
            jti: text_of(&claims, "jti")?,
            htm: text_of(&claims, "htm")?,
            htu: text_of(&claims, "htu")?,
            iat: claims.get("iat").and_then(Value::as_u64).ok_or("no iat")?,
            ath: optional("ath")?,
            nonce: optional("nonce")?,
        })
    }

    /// Whether it is for this token.
    pub fn is_for(&self, token: &str) -> bool {
        self.ath.as_deref() == Some(&*sha256(token.as_bytes()))
    }
}

fn object(what: &str, encoded: &str) -> Result<Map<String, Value>, String> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded);
    let bytes = bytes.map_err(|_| format!("the {what}: not base64url"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("the {what}: {error}"))
}

fn text_of(members: &Map<String, Value>, name: &str) -> Result<String, String> {
    let text = members.get(name).and_then(Value::as_str);
    Ok(text.ok_or_else(|| format!("no {name}"))?.to_owned())
}

fn sha256(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, bytes))
}

enum PublicKey {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    Ec {
        curve: String,
        x: Vec<u8>,
        y: Vec<u8>,
    },
    Ed25519 {
        x: Vec<u8>,
    },
}

impl PublicKey {
    /// From a JWK with the members that its kind must have, and no other: a private one least of all.
    fn read(jwk: &Map<String, Value>) -> Result<Self, String> {
        let bytes = |name: &str| {
            let encoded = text_of(jwk, name)?;
            let decoded = URL_SAFE_NO_PAD.decode(encoded);
            decoded.map_err(|_| format!("the jwk's {name} is not base64url"))
        };
        let kind = text_of(jwk, "kty")?;
        let (key, members) = match &*kind {
            "RSA" => {
                let (n, e) = (bytes("n")?, bytes("e")?);
                (Self::Rsa { n, e }, &["e", "kty", "n"][..])
            }
            "EC" => {
                let (curve, x, y) = (text_of(jwk, "crv")?, bytes("x")?, bytes("y")?);
                (Self::Ec { curve, x, y }, &["crv", "kty", "x", "y"][..])
            }
            "OKP" => (Self::Ed25519 { x: bytes("x")? }, &["crv", "kty", "x"][..]),
            _ => return Err(format!("a key of the kind {kind}")),
        };
        let found: Vec<&str> = jwk.keys().map(String::as_str).collect();
        if found != members {
            return Err(format!("the jwk has the members {found:?}"));
        }
        Ok(key)
    }

    fn thumbprint(&self) -> String {
        let text = |bytes: &Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
        // Maps are written in the order of their names, as RFC 7638 wants it.
        let members = match self {
            Self::Rsa { n, e } => json!({"e": text(e), "kty": "RSA", "n": text(n)}),
            Self::Ec { curve, x, y } => {
                json!({"crv": curve, "kty": "EC", "x": text(x), "y": text(y)})
            }
            Self::Ed25519 { x } => json!({"crv": "Ed25519", "kty": "OKP", "x": text(x)}),
        };
        sha256(members.to_string().as_bytes())
    }

    fn verifies(&self, alg: &str, signed: &[u8], signature: &[u8]) -> bool {
        let by = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            let key = UnparsedPublicKey::new(algorithm, key);
            key.verify(signed, signature).is_ok()
        };
        match self {
            Self::Rsa { n, e } => rsa_parameters(alg).is_some_and(|parameters| {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(parameters, signed, signature).is_ok()
            }),
            Self::Ec { curve, x, y } => {
                let point = [&[4], &x[..], &y[..]].concat();
                match (&**curve, alg) {
                    ("P-256", "ES256") => by(&ECDSA_P256_SHA256_FIXED, &point),
                    ("P-384", "ES384") => by(&ECDSA_P384_SHA384_FIXED, &point),
                    _ => false,
                }
            }
            Self::Ed25519 { x } => alg == "EdDSA" && by(&ED25519, x),
        }
    }
}

fn rsa_parameters(alg: &str) -> Option<&'static RsaParameters> {
    Some(match alg {
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &RSA_PSS_2048_8192_SHA256,
        "PS384" => &RSA_PSS_2048_8192_SHA384,
        "PS512" => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof")
            .field("alg", &self.alg)
            .field("htm", &self.htm)
            .field("htu", &self.htu)
            .field("nonce", &self.nonce)
            .finish_non_exhaustive()
    }
}
