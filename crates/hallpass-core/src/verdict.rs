//! [`verdict`]: what an answer says about the credential that was sent.

use std::{fmt, sync::Arc};

use http::{HeaderMap, HeaderName, StatusCode};

use crate::Challenges;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const UNAUTHENTICATED: &[u8] = b"16";

/// What an answer says about the credential that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was accepted, or the answer has nothing to do with it.
    Keep,
    /// It no longer works; another one may.
    Reject,
}

/// Judges an answer by its status and headers.
///
/// | answer | verdict |
/// |---|---|
/// | 401, challenge `invalid_token`, bare, absent or of another scheme | reject |
/// | 401 `insufficient_user_authentication`, `insufficient_scope`, `invalid_request` | keep: a new token of the same kind changes nothing (RFC 6750 §3.1, RFC 9470 §3) |
/// | `grpc-status: 16` in the headers | reject |
/// | any other `grpc-status` in the headers, whatever the HTTP status | keep |
/// | everything else, 403 and 407 among them | keep |
pub fn verdict(status: StatusCode, headers: &HeaderMap) -> Verdict {
    if let Some(grpc) = headers.get(GRPC_STATUS) {
        return if grpc.as_bytes() == UNAUTHENTICATED {
            Verdict::Reject
        } else {
            Verdict::Keep
        };
    }
    if status != StatusCode::UNAUTHORIZED {
        return Verdict::Keep;
    }
    let challenges = Challenges::of(headers);
    let mut errors = challenges.iter().filter_map(|one| one.param("error"));
    let mut keep = false;
    let expired = errors.any(|error| {
        keep |= matches!(
            error,
            "insufficient_user_authentication" | "insufficient_scope" | "invalid_request"
        );
        error == "invalid_token"
    });
    if keep && !expired {
        Verdict::Keep
    } else {
        Verdict::Reject
    }
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

    /// By the start of the body of a successful answer, such as an error code within a 200.
    ///
    /// Only adapters that say so look there, and never further than 4 KiB.
    #[must_use]
    pub fn when_body(mut self, body: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        self.body = Some(Arc::new(body));
        self
    }

    pub(crate) fn by_head(&self, status: StatusCode, headers: &HeaderMap) -> bool {
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
    use http::{HeaderValue, header::WWW_AUTHENTICATE};

    use super::*;

    #[test]
    fn every_row_of_the_table() {
        use Verdict::{Keep, Reject};
        let challenge = WWW_AUTHENTICATE;
        for (status, header, expected) in [
            (401, None, Reject),
            (401, Some((challenge.clone(), "Bearer")), Reject),
            (401, Some((challenge.clone(), "Basic realm=x")), Reject),
            (
                401,
                Some((challenge.clone(), "Bearer error=\"invalid_token\"")),
                Reject,
            ),
            (
                401,
                Some((challenge.clone(), "Bearer error=\"insufficient_scope\"")),
                Keep,
            ),
            (
                401,
                Some((challenge.clone(), "Bearer error=\"invalid_request\"")),
                Keep,
            ),
            (
                401,
                Some((
                    challenge.clone(),
                    "Bearer error=\"insufficient_user_authentication\", max_age=5",
                )),
                Keep,
            ),
            (
                401,
                Some((
                    challenge.clone(),
                    "Bearer error=insufficient_scope, Bearer error=invalid_token",
                )),
                Reject,
            ),
            (
                400,
                Some((challenge.clone(), "Bearer error=\"invalid_request\"")),
                Keep,
            ),
            (403, None, Keep),
            (
                403,
                Some((challenge.clone(), "Bearer error=\"insufficient_scope\"")),
                Keep,
            ),
            (
                407,
                Some((challenge.clone(), "Bearer error=\"invalid_token\"")),
                Keep,
            ),
            (
                200,
                Some((challenge, "Bearer error=\"invalid_token\"")),
                Keep,
            ),
            (200, Some((GRPC_STATUS, "16")), Reject),
            (200, Some((GRPC_STATUS, "7")), Keep),
            (200, Some((GRPC_STATUS, "0")), Keep),
            (401, Some((GRPC_STATUS, "7")), Keep),
            (401, Some((GRPC_STATUS, "16")), Reject),
            (200, None, Keep),
            (500, None, Keep),
        ] {
            let mut headers = HeaderMap::new();
            if let Some((name, value)) = header.clone() {
                headers.insert(name, HeaderValue::from_static(value));
            }
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(verdict(status, &headers), expected, "{status} {header:?}");
        }
    }
}
