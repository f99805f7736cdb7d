//! [`Encoding`]: where the parameters of a token request go.

use http::HeaderValue;

use crate::toml_fields::choice;

/// Where the parameters of the grant go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Encoding {
    /// A form in the body.
    #[default]
    Form,
    /// A JSON object in the body.
    Json,
    /// The query of the URL, with an empty body. Secrets only go there if a profile insists.
    Query,
    /// Nowhere: there are none.
    None,
}

choice!(
    Encoding,
    "encoding",
    &[
        ("form", Self::Form),
        ("json", Self::Json),
        ("query", Self::Query),
        ("none", Self::None),
    ]
);

impl Encoding {
    /// The content type of the body.
    pub(crate) fn content_type(self) -> Option<HeaderValue> {
        match self {
            // Servers that read the query expect the content type of a form all the same.
            Self::Form | Self::Query => Some(HeaderValue::from_static(
                "application/x-www-form-urlencoded",
            )),
            Self::Json => Some(HeaderValue::from_static("application/json")),
            Self::None => None,
        }
    }
}
