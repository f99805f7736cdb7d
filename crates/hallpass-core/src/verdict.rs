//! [`verdict`]: what an answer says about the credential that was sent.

use std::{fmt, sync::Arc};

use http::{
    HeaderMap, HeaderName, StatusCode,
    header::{AGE, CONTENT_TYPE, WWW_AUTHENTICATE},
};

use crate::Challenges;

pub(crate) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// Brings what the next proof of possession has to hold (RFC 9449 §8.1).
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
const UNAUTHENTICATED: &[u8] = b"16";
const OK: &[u8] = b"0";

/// What an answer says about the credential that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was accepted, or the answer has nothing to do with it.
    Keep,
    /// It no longer works; another one may.
    Reject,
    /// The credential is good, but the proof that came with it was not; a new one may be.
    ProveAgain,
    /// Either of the two: the answer brings what a new proof needs, and doesn't say what was wrong.
    ProveAgainOrReject,
}

/// Judges an answer by its status and headers.
///
/// Only the errors of OAuth's schemes count, which are `Bearer` and `DPoP`: a challenge of another
/// scheme says nothing about a token, whatever its parameters are called.
///
/// | answer | verdict |
/// |---|---|
/// | 401, challenge `invalid_token`, bare, absent or only of other schemes | reject |
/// | 401 `insufficient_user_authentication`, `insufficient_scope`, `insufficient_claims` | keep: a new token of the same kind changes nothing (RFC 6750 §3.1, RFC 9470 §3) |
/// | 401 `invalid_request`, `invalid_dpop_proof` | keep: the request is at fault, not the token |
/// | 401 `use_dpop_nonce` | prove again (RFC 9449 §9) |
/// | any other 401 | reject |
/// | `grpc-status: 16` in the headers | reject |
/// | `grpc-status: 16` with a challenge that says `use_dpop_nonce` or `invalid_dpop_proof` | as with 401 |
/// | `grpc-status: 16` with `dpop-nonce`, and no word on the error | prove again; if that is no use, reject |
/// | any other `grpc-status` in the headers, whatever the HTTP status | keep |
/// | everything else, 403 and 407 among them | keep |
#[inline]
pub fn verdict(status: StatusCode, headers: &HeaderMap) -> Verdict {
    if let Some(grpc) = headers.get(GRPC_STATUS) {
        return if grpc.as_bytes() == UNAUTHENTICATED {
            unauthenticated(headers)
        } else {
            Verdict::Keep
        };
    }
    if status == StatusCode::UNAUTHORIZED {
        unauthorized(headers)
    } else {
        Verdict::Keep
    }
}

/// gRPC has one status for everything; challenges come as metadata, if at all.
#[cold]
fn unauthenticated(headers: &HeaderMap) -> Verdict {
    if headers.contains_key(WWW_AUTHENTICATE) {
        let challenges = Challenges::of(headers);
        let mut errors = challenges.oauth().filter_map(|one| one.param("error"));
        if errors.any(|error| matches!(error, "use_dpop_nonce" | "invalid_dpop_proof")) {
            return unauthorized(headers);
        }
        if challenges.oauth().any(|one| one.param("error").is_some()) {
            return Verdict::Reject;
        }
    }
    if headers.contains_key(DPOP_NONCE) {
        Verdict::ProveAgainOrReject
    } else {
        Verdict::Reject
    }
}

#[cold]
fn unauthorized(headers: &HeaderMap) -> Verdict {
    let challenges = Challenges::of(headers);
    let mut keep = false;
    let mut prove = false;
    for error in challenges.oauth().filter_map(|one| one.param("error")) {
        match error {
            // It outweighs all others: the token is done, whatever else is amiss.
            "invalid_token" => return Verdict::Reject,
            "use_dpop_nonce" => prove = true,
            "insufficient_user_authentication"
            | "insufficient_scope"
            | "insufficient_claims"
            | "invalid_request"
            | "invalid_dpop_proof" => keep = true,
            _ => {}
        }
    }
    match (prove, keep) {
        (true, _) => Verdict::ProveAgain,
        (false, true) => Verdict::Keep,
        (false, false) => Verdict::Reject,
    }
}

/// Whether an answer's head shows that a server looked at the credential and took it.
///
/// That is a 2xx which comes from no cache, and for gRPC a status of 0 alone: its head is sent
/// before the call is looked at. Nothing else counts: a proxy, a rate limit or a redirect to a login
/// page may answer before anybody has looked.
pub(crate) fn accepts(status: StatusCode, headers: &HeaderMap) -> bool {
    match headers.get(GRPC_STATUS) {
        Some(grpc) => grpc.as_bytes() == OK,
        None => status.is_success() && !headers.contains_key(AGE) && !is_grpc(headers),
    }
}

/// Whether the answer's status comes after its body.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

type Head = dyn Fn(StatusCode, &HeaderMap) -> bool + Send + Sync;
type Body = dyn Fn(&[u8]) -> bool + Send + Sync;

/// Further answers that mean that a credential no longer works: a vendor's own.
///
/// ```
/// use hallpass_core::Rejected;
///
/// let rejected = Rejected::default().when(|status, _headers| status == 419);
/// ```
#[derive(Clone, Default)]
pub struct Rejected {
    head: Option<Arc<Head>>,
    body: Option<Arc<Body>>,
}

impl Rejected {
    /// By status and headers, such as a 419.
    #[must_use]
    pub fn when(
        mut self,
        head: impl Fn(StatusCode, &HeaderMap) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.head = Some(Arc::new(head));
        self
    }

    /// By the start of the body of an answer, such as an error code within a 200, or within a 403 that
    /// may mean something else too.
    ///
    /// Only adapters that say so look there, and never further than 4 KiB.
    #[must_use]
    pub fn when_body(mut self, body: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        self.body = Some(Arc::new(body));
        self
    }

    /// Judges an answer's head.
    pub fn by_head(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        self.head.as_ref().is_some_and(|head| head(status, headers))
    }

    /// Whether a body has to be looked at.
    pub fn looks_at_bodies(&self) -> bool {
        self.body.is_some()
    }

    /// Judges the start of a body.
    pub fn by_body(&self, start: &[u8]) -> bool {
        self.body.as_ref().is_some_and(|body| body(start))
    }
}

impl fmt::Debug for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("head", &self.head.is_some())
            .field("body", &self.body.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const CHALLENGE: &str = "www-authenticate";
    const GRPC: &str = "grpc-status";

    #[test]
    fn every_row_of_the_table() {
        use Verdict::{Keep, ProveAgain, Reject};
        for (status, name, value, expected) in [
            (401, "x-none", "", Reject),
            (401, CHALLENGE, "Bearer", Reject),
            (401, CHALLENGE, "Basic realm=x", Reject),
            (401, CHALLENGE, r#"Bearer error="invalid_token""#, Reject),
            (401, CHALLENGE, r#"Bearer error="something_else""#, Reject),
            (401, CHALLENGE, r#"Bearer error="insufficient_scope""#, Keep),
            (
                401,
                CHALLENGE,
                r#"Bearer realm="x" error="insufficient_scope""#,
                Keep,
            ),
            (
                401,
                CHALLENGE,
                r#"Bearer error="insufficient_claims""#,
                Keep,
            ),
            (
                401,
                CHALLENGE,
                r#"Bearer error="insufficient_user_authentication", max_age=5"#,
                Keep,
            ),
            (401, CHALLENGE, r#"Bearer error="invalid_request""#, Keep),
            (
                401,
                CHALLENGE,
                "Bearer error=insufficient_scope, Bearer error=invalid_token",
                Reject,
            ),
            (
                401,
                CHALLENGE,
                r#"Basic realm="x", error="invalid_request""#,
                Reject,
            ),
            (
                401,
                CHALLENGE,
                r#"Basic realm="x", Bearer error="insufficient_scope""#,
                Keep,
            ),
            (401, CHALLENGE, r#"DPoP error="invalid_dpop_proof""#, Keep),
            (401, CHALLENGE, r#"DPoP error="use_dpop_nonce""#, ProveAgain),
            (400, CHALLENGE, r#"Bearer error="invalid_request""#, Keep),
            (403, "x-none", "", Keep),
            (403, CHALLENGE, r#"Bearer error="insufficient_scope""#, Keep),
            (407, CHALLENGE, r#"Bearer error="invalid_token""#, Keep),
            (200, CHALLENGE, r#"Bearer error="invalid_token""#, Keep),
            (200, GRPC, "16", Reject),
            (200, GRPC, "7", Keep),
            (200, GRPC, "0", Keep),
            (401, GRPC, "7", Keep),
            (401, GRPC, "16", Reject),
            (200, "x-none", "", Keep),
            (500, "x-none", "", Keep),
        ] {
            let header = (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
            let headers = HeaderMap::from_iter([header]);
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                verdict(status, &headers),
                expected,
                "{status} {name} {value}"
            );
        }
    }
}
