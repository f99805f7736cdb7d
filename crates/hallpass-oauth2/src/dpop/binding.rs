//! [`KeyBinding`]: the proofs of one token.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use hallpass_core::{Challenges, Error, Origin, Proof};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
    header::{DATE, WWW_AUTHENTICATE},
};

use super::{
    DPOP, Dpop, INVALID_PROOF, htu, nonce,
    prover::{Prover, Statement, sha256},
};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Servers allow for less.
const CLOCK_IS_OFF: Duration = Duration::from_secs(60);

/// A token's digest, and the key that it is bound to.
pub(super) struct KeyBinding {
    dpop: Dpop,
    prover: Arc<Prover>,
    ath: String,
    header: HeaderName,
}

impl KeyBinding {
    pub(super) fn new(dpop: Dpop, prover: Arc<Prover>, token: &str) -> Self {
        Self {
            dpop,
            prover,
            ath: sha256(token.as_bytes()),
            header: DPOP,
        }
    }

    pub(super) fn statement<'a>(
        &'a self,
        method: &'a Method,
        htu: &'a str,
        now: SystemTime,
        nonce: Option<&'a str>,
    ) -> Statement<'a> {
        Statement {
            method,
            htu,
            now,
            ath: Some(&self.ath),
            nonce,
        }
    }
}

impl Proof for KeyBinding {
    fn header(&self) -> &HeaderName {
        &self.header
    }

    fn prove(&self, method: &Method, uri: &Uri) -> Result<HeaderValue, Error> {
        let origin = Origin::of(uri)?.to_string();
        let nonce = self.dpop.shared.of_api.get(&origin);
        let htu = match &self.dpop.htu_base {
            Some(base) => base.of(uri),
            None => htu::of(&origin, uri),
        };
        let now = SystemTime::now();
        let statement = self.statement(method, &htu, now, nonce.as_deref());
        self.prover.prove(&statement)
    }

    fn answered(
        &self,
        sent: &HeaderValue,
        origin: &Origin,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> bool {
        if status == StatusCode::UNAUTHORIZED && says_invalid_proof(headers) {
            self.warn_of_clock(origin, headers);
        }
        let Some(nonce) = nonce::among(headers) else {
            return false;
        };
        self.dpop.shared.of_api.set(&origin.to_string(), nonce);
        // Nothing that went well is sent again. gRPC's refusals have the status 200.
        let may_refuse = !status.is_success() || headers.contains_key(GRPC_STATUS);
        may_refuse && nonce::is_new_nonce(sent, headers)
    }

    fn thumbprint(&self) -> Option<&str> {
        Some(self.prover.thumbprint())
    }
}

impl KeyBinding {
    fn warn_of_clock(&self, origin: &Origin, headers: &HeaderMap) {
        if !self.dpop.may_warn_of_clock() {
            return;
        }
        let off = clock_difference(headers, SystemTime::now());
        let advice = match off {
            Some(off) if off > CLOCK_IS_OFF => "its clock and this machine's differ: set them",
            _ => {
                "check this machine's clock, and whether a proxy changes the URL on the way: then set htu_base"
            }
        };
        tracing::warn!(
            target: "hallpass",
            %origin,
            seconds = off.map(|off| off.as_secs()),
            advice,
            "the API refuses the proof of possession"
        );
    }
}

fn says_invalid_proof(headers: &HeaderMap) -> bool {
    headers.contains_key(WWW_AUTHENTICATE)
        && Challenges::of(headers)
            .iter()
            .any(|one| one.param("error") == Some(INVALID_PROOF))
}

fn clock_difference(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let date = headers.get(DATE)?.to_str().ok()?;
    let server = httpdate::parse_http_date(date).ok()?;
    Some(match server.duration_since(now) {
        Ok(ahead) => ahead,
        Err(behind) => behind.duration(),
    })
}
