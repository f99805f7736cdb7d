//! How tokens are made, and how their life is written.

use std::time::Duration;

use serde_json::{Value, json};

/// What a client gets that asks again before its token has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Reissue {
    /// Another token; earlier ones live on.
    #[default]
    Fresh,
    /// The same token with what is left of its life.
    Sticky,
    /// The same token with its life begun anew.
    Extended,
    /// Another token; the earlier one dies at once.
    Replacing,
}

/// What tokens look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenFormat {
    /// URL-safe letters without a meaning.
    Opaque,
    /// Standard base64 with padding, without a meaning.
    PaddedBase64,
    /// A JWT whose claims can be read; its signature is noise.
    Jwt,
    /// `token-1`, `token-2` and so on, for tests that name their tokens.
    Numbered,
}

/// How `expires_in` is written.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ExpiresIn {
    /// Whole seconds, rounded down.
    #[default]
    Seconds,
    /// Whole seconds as a string.
    Text,
    /// Seconds with a fractional part.
    Fraction,
    /// This value, true or not.
    Raw(Value),
    /// Not at all.
    Missing,
}

impl ExpiresIn {
    pub(crate) fn write(&self, left: Duration) -> Option<Value> {
        match self {
            Self::Seconds => Some(json!(left.as_secs())),
            Self::Text => Some(json!(left.as_secs().to_string())),
            Self::Fraction => Some(json!(left.as_secs_f64())),
            Self::Raw(value) => Some(value.clone()),
            Self::Missing => None,
        }
    }
}

/// What an issued JWT says in `exp`.
#[derive(Clone, Copy, Default)]
pub(crate) enum JwtExp {
    #[default]
    Lifetime,
    After(Duration),
    Missing,
}

/// How tokens are made.
#[derive(Clone)]
pub(crate) struct Minting {
    pub(crate) lifetime: Duration,
    pub(crate) reissue: Reissue,
    /// How long a replaced token lives on.
    pub(crate) grace: Duration,
    pub(crate) format: TokenFormat,
    pub(crate) expires_in: ExpiresIn,
    pub(crate) jwt_exp: JwtExp,
}

impl Minting {
    /// Plain numbered tokens, the truth about their life, a new one each time.
    pub(crate) fn numbered(lifetime: Duration) -> Self {
        Self {
            lifetime,
            reissue: Reissue::Fresh,
            grace: Duration::ZERO,
            format: TokenFormat::Numbered,
            expires_in: ExpiresIn::Seconds,
            jwt_exp: JwtExp::Lifetime,
        }
    }
}
