//! [`Dialect`]: how one endpoint departs from RFC 6749, beyond what a builder needs to know.

pub(crate) mod calendar;
mod condition;
mod param;
mod path;
mod renewal;
mod text;

use http::Method;

pub use self::{condition::Condition, param::Param, renewal::Reissue};
pub(crate) use self::{
    condition::{Judge, judge},
    param::{FilledParams, form_pairs},
    path::{Path, scalar},
    renewal::Renewal,
    text::{Call, Late, Piece, Text},
};

/// What a profile settles and a builder leaves at its default.
#[derive(Clone)]
pub(crate) struct Dialect {
    pub(crate) method: Method,
    /// Stand before the builder's own.
    pub(crate) params: Vec<(String, Param<Text>)>,
    /// Go into the URL whatever the encoding.
    pub(crate) query: Vec<(String, Text)>,
    pub(crate) headers: Vec<(String, Text)>,
    pub(crate) scope_param: String,
    pub(crate) scope_separator: String,
    pub(crate) secret_in_url: bool,
    /// Whether the whole body is the token.
    pub(crate) text_answer: bool,
    pub(crate) token: Vec<Path>,
    pub(crate) token_types: Vec<String>,
    pub(crate) lenient_token: bool,
    pub(crate) success: Vec<Judge>,
    pub(crate) busy: Vec<Judge>,
    pub(crate) capture: Vec<(String, Path)>,
    pub(crate) api_headers: Vec<(String, Text)>,
    pub(crate) rejected: Vec<Judge>,
    pub(crate) renewal: Renewal,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            method: Method::POST,
            params: Vec::new(),
            query: Vec::new(),
            headers: Vec::new(),
            scope_param: "scope".to_owned(),
            scope_separator: " ".to_owned(),
            secret_in_url: false,
            text_answer: false,
            token: vec![Path::parse("access_token")],
            token_types: vec!["Bearer".to_owned()],
            lenient_token: false,
            success: Vec::new(),
            busy: Vec::new(),
            capture: Vec::new(),
            api_headers: Vec::new(),
            rejected: Vec::new(),
            renewal: Renewal::default(),
        }
    }
}

impl Dialect {
    /// The members at the top of an answer that anything here looks into.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &str> {
        let conditions = self.success.iter().chain(&self.busy);
        self.token
            .iter()
            .chain(self.capture.iter().map(|(_, path)| path))
            .chain(conditions.filter_map(Judge::path))
            .map(Path::top)
    }
}
