//! The one place where it is decided what an answer means.

use std::time::{Duration, SystemTime};

use hallpass_core::retry_after;

use super::{answer::Answer, quota::quota_reset};
use crate::{
    body::Fault,
    condition::Matcher,
    dpop::{INVALID_PROOF, USE_NONCE},
    plan::ResponsePlan,
};

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It brings a token.
    Issued,
    /// The endpoint, or what stands in for it, said no. `lasting` if there is evidence that it will
    /// say so until somebody changes something.
    Refused { code: Option<String>, lasting: bool },
    /// It may be asked again, and perhaps it said when.
    Busy {
        code: Option<String>,
        until: Option<Duration>,
    },
    /// It says yes and brings nothing of use, as half-started servers and proxies do.
    Malformed(Fault),
}

/// What a code is evidence of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Evidence {
    None,
    Passing,
    Lasting,
}

/// Reads an answer of any status. The first line that fits counts.
pub(crate) fn classify(plan: &ResponsePlan, answer: &Answer) -> Verdict {
    use Evidence::{Lasting, Passing};

    let code = answer.code(plan);
    let evidence = code.as_deref().map_or(Evidence::None, evidence);
    let met = |conditions: &[Matcher]| conditions.iter().any(|one| answer.meets(one));
    let unmet = |conditions: &[Matcher]| !conditions.iter().all(|one| answer.meets(one));
    let refused = |lasting, code| Verdict::Refused { code, lasting };
    let busy = |code| Verdict::Busy {
        code,
        until: retry_after(&answer.headers, SystemTime::now())
            .or_else(|| quota_reset(&answer.headers)),
    };

    match answer.status.as_u16() {
        // The profile knows its vendor.
        _ if met(&plan.busy) => busy(code),
        _ if met(&plan.refused) => refused(true, code),
        // Overload, in so many words.
        429 | 503 => busy(code),
        _ if evidence == Passing => busy(code),
        // A code of the standards counts whatever the status, a token apart.
        300.. if evidence == Lasting => refused(true, code),
        408 | 425 | 500.. => busy(code),
        // The clocks, or a proxy that changes the URL, and not the client (RFC 9449 §5).
        400.. if code.as_deref() == Some(INVALID_PROOF) => refused(false, code),
        401 => refused(plan.authenticated, code),
        // A firewall, a wrong path, a vendor's own code: nothing proves that it will stay.
        300..500 => refused(false, code),
        // What claims to be a success.
        _ if answer.fault(plan).is_some() => {
            Verdict::Malformed(answer.fault(plan).cloned().unwrap_or(Fault::Empty))
        }
        _ if unmet(&plan.success) => refused(evidence == Lasting, code),
        _ if answer.says_error(plan) => refused(evidence == Lasting, code),
        _ if answer.token(plan).is_none() => Verdict::Malformed(Fault::NoAccessToken),
        _ => Verdict::Issued,
    }
}

/// Whether a code is one of the standards that this crate knows the meaning of.
pub(super) fn is_standard(code: &str) -> bool {
    evidence(code) != Evidence::None
}

fn evidence(code: &str) -> Evidence {
    match code {
        // RFC 6749 §4.1.2.1, RFC 8628 §3.5, RFC 9449 §8.
        "temporarily_unavailable"
        | "server_error"
        | "slow_down"
        | "authorization_pending"
        | USE_NONCE => Evidence::Passing,
        // RFC 6749 §4.1.2.1 and §5.2, RFC 7521 §4, RFC 8693 §2.2.2, RFC 8707 §2.
        "invalid_request"
        | "invalid_client"
        | "invalid_grant"
        | "unauthorized_client"
        | "unsupported_grant_type"
        | "invalid_scope"
        | "invalid_target"
        | "access_denied" => Evidence::Lasting,
        _ => Evidence::None,
    }
}
