//! [`ResponseFormat`]: what a token endpoint answers with.

use crate::toml_fields::choice;

/// What a token endpoint answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ResponseFormat {
    /// A JSON object.
    #[default]
    Json,
    /// The token and nothing else.
    Text,
}

choice!(
    ResponseFormat,
    "answer",
    &[("json", Self::Json), ("text", Self::Text)]
);
