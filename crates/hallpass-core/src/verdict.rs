//! [`verdict`]: what an answer says about the credential that was sent.

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
