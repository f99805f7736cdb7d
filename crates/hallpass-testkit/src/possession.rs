//! [`Possession`]: a server that takes only tokens with a proof of their key (RFC 9449).

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::{HeaderName, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::journal::Kind;
use crate::proof::Proof;
use crate::refusal::Refusal;

const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// How far `iat` may be from the server's clock, in seconds.
const TOLERANCE: u64 = 60;

/// What the server knows of proofs.
#[derive(Default)]
pub(crate) struct Possession {
    /// How often a nonce may be used; none if no nonce is wanted.
    uses: Option<u32>,
    token: Nonce,
    api: Nonce,
    seen: HashSet<String>,
    replays: usize,
    /// The URL under which clients know the API, if a proxy stands in between.
    pub(crate) public_url: Option<String>,
}

#[derive(Default)]
struct Nonce {
    serial: u64,
    used: u32,
}

impl Nonce {
    fn text(&self, kind: Kind, back: u64) -> Option<String> {
        let serial = self.serial.checked_sub(back)?;
        Some(match kind {
            Kind::Token => format!("server-{serial}"),
            Kind::Api => format!("api-{serial}"),
        })
    }

    fn rotate(&mut self) {
        self.serial += 1;
        self.used = 0;
    }
}

impl Possession {
    pub(crate) fn new(uses: Option<u32>) -> Self {
        Self {
            uses: uses.map(|uses| uses.max(1)),
            ..Self::default()
        }
    }

    fn nonce(&self, kind: Kind) -> &Nonce {
        match kind {
            Kind::Token => &self.token,
            Kind::Api => &self.api,
        }
    }

    /// From now on other nonces are wanted, and none that is known.
    pub(crate) fn rotate(&mut self) {
        for nonce in [&mut self.token, &mut self.api] {
            nonce.rotate();
            nonce.rotate();
        }
    }

    pub(crate) fn replays(&self) -> usize {
        self.replays
    }

    /// Puts the nonce that the next proof is to have onto an answer.
    pub(crate) fn announce(&self, kind: Kind, headers: &mut HeaderMap) {
        let nonce = self.uses.and_then(|_| self.nonce(kind).text(kind, 0));
        if let Some(nonce) = nonce.and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
            headers.entry(DPOP_NONCE).or_insert(nonce);
        }
    }

    /// The proof of a request, if it is right in all that RFC 9449 §4.3 lists. `url` is the
    /// request's, without its query.
    pub(crate) fn check(
        &mut self,
        kind: Kind,
        parts: &Parts,
        url: &str,
        token: Option<&str>,
    ) -> Result<Proof, Refusal> {
        let mut values = parts.headers.get_all(DPOP).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(invalid(kind, "there is not just one DPoP header"));
        };
        let proof = value.to_str().map_err(|_| "not ASCII".to_owned());
        let Ok(proof) = proof.and_then(Proof::read) else {
            return Err(invalid(kind, "the DPoP header is no proof"));
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        if proof.htm != parts.method.as_str() {
            return Err(invalid(kind, "htm is another method"));
        }
        if proof.htu != url {
            return Err(invalid(kind, "htu is another URL"));
        }
        if proof.iat.abs_diff(now) > TOLERANCE {
            return Err(invalid(kind, "iat is too far from now"));
        }
        let is_for_token = token.map_or(proof.ath.is_none(), |token| proof.is_for(token));
        if !is_for_token {
            return Err(invalid(kind, "ath is not the token's"));
        }
        self.use_nonce(kind, proof.nonce.as_deref())?;
        if !self.seen.insert(proof.jti.clone()) {
            self.replays += 1;
            return Err(invalid(kind, "jti was used before"));
        }
        Ok(proof)
    }

    /// The present nonce is right, and the one before it, which others may still be under way with.
    fn use_nonce(&mut self, kind: Kind, nonce: Option<&str>) -> Result<(), Refusal> {
        let Some(uses) = self.uses else {
            return Ok(());
        };
        let known = [0, 1].map(|back| self.nonce(kind).text(kind, back));
        let is_known = known.iter().flatten().any(|one| Some(&**one) == nonce);
        if !is_known {
            return Err(refusal(kind, "use_dpop_nonce", "another nonce is wanted"));
        }
        let current = match kind {
            Kind::Token => &mut self.token,
            Kind::Api => &mut self.api,
        };
        current.used += 1;
        if current.used >= uses {
            current.rotate();
        }
        Ok(())
    }
}

/// The refusal of a token that is bound to a key, or ought to be, and comes without its proof.
pub(crate) fn unproved() -> Refusal {
    refusal(Kind::Api, "invalid_token", "the token needs its proof")
}

fn invalid(kind: Kind, description: &'static str) -> Refusal {
    refusal(kind, "invalid_dpop_proof", description)
}

fn refusal(kind: Kind, error: &'static str, description: &'static str) -> Refusal {
    let challenge = match error {
        "use_dpop_nonce" => "DPoP error=\"use_dpop_nonce\", algs=\"ES256 EdDSA\"",
        "invalid_token" => "DPoP error=\"invalid_token\", algs=\"ES256 EdDSA\"",
        _ => "DPoP error=\"invalid_dpop_proof\", algs=\"ES256 EdDSA\"",
    };
    match kind {
        Kind::Token => Refusal::new(400, error, description),
        Kind::Api => Refusal::new(401, error, description)
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge)),
    }
}
