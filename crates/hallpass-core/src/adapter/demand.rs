//! [`Demand`]: what a server asks for that another credential of the same kind does not have.

use std::{fmt, time::Duration};

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, StatusCode};

use crate::{Challenge, Challenges};

/// What a server asks for that another credential of the same kind does not have; found among the
/// extensions of a response that says so.
///
/// The credential is kept, the response is the caller's. What stands in a demand is a server's word:
/// grant it only within what the caller would have asked for anyway.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Demand {
    /// What is missing.
    pub kind: DemandKind,
    /// The scope that this request needs (RFC 6750 §3.1), if it is well-formed.
    pub scope: Option<String>,
    /// The claims that the token has to have: a JSON object, decoded.
    pub claims: Option<String>,
    /// The authentication contexts that would do (RFC 9470 §3).
    pub acr_values: Option<String>,
    /// How long ago the user may have signed in (RFC 9470 §3).
    pub max_age: Option<Duration>,
}

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DemandKind {
    /// `insufficient_scope`: the token may not do this.
    Scope,
    /// `insufficient_user_authentication`: the user has to sign in again, or better.
    UserAuthentication,
    /// `insufficient_claims`: the token lacks claims, as continuous access evaluation wants them.
    Claims,
}

/// Longer values than these are no demand that anybody means.
const LONGEST_SCOPE: usize = 4 * 1024;
const MOST_SCOPES: usize = 64;
const LONGEST_CLAIMS: usize = 8 * 1024;

impl Demand {
    /// What an answer demands, if it does.
    pub fn of(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        if status != StatusCode::UNAUTHORIZED && status != StatusCode::FORBIDDEN {
            return None;
        }
        Challenges::of(headers).oauth().find_map(Self::in_challenge)
    }

    fn in_challenge(challenge: &Challenge) -> Option<Self> {
        let kind = match challenge.param("error")? {
            "insufficient_scope" => DemandKind::Scope,
            "insufficient_user_authentication" => DemandKind::UserAuthentication,
            "insufficient_claims" => DemandKind::Claims,
            _ => return None,
        };
        let text = |name| challenge.param(name).map(str::to_owned);
        let max_age = challenge.param("max_age").and_then(|age| age.parse().ok());
        Some(Self {
            kind,
            scope: text("scope").filter(|scope| is_scope(scope)),
            claims: challenge.param("claims").and_then(decode_claims),
            acr_values: text("acr_values"),
            max_age: max_age.map(Duration::from_secs),
        })
    }
}

/// RFC 6749 §3.3: tokens of `%x21 / %x23-5B / %x5D-7E`, with spaces between.
fn is_scope(scope: &str) -> bool {
    let is_allowed = |byte| matches!(byte, b' ' | 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    scope.len() <= LONGEST_SCOPE
        && scope.split(' ').count() <= MOST_SCOPES
        && scope.bytes().all(is_allowed)
        && !scope.trim().is_empty()
}

/// Both alphabets are in use, with padding and without.
fn decode_claims(encoded: &str) -> Option<String> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if encoded.contains(['-', '_']) {
        &URL_SAFE
    } else {
        &STANDARD
    };
    let decoded = GeneralPurpose::new(alphabet, LENIENT)
        .decode(encoded)
        .ok()?;
    if decoded.len() > LONGEST_CLAIMS {
        return None;
    }
    let text = String::from_utf8(decoded).ok()?;
    let object = text.trim();
    (object.starts_with('{') && object.ends_with('}')).then_some(text)
}

/// Shows what is asked for, not how: a server may put anything into a value.
impl fmt::Debug for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Demand")
            .field("kind", &self.kind)
            .field("scope", &self.scope.is_some())
            .field("claims", &self.claims.is_some())
            .field("acr_values", &self.acr_values.is_some())
            .field("max_age", &self.max_age)
            .finish()
    }
}
