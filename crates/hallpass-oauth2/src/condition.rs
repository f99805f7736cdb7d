//! [`Condition`]: what an answer looks like when it means something of its own, and [`Matcher`],
//! which is held against answers.

use hallpass_core::Rejected;
use http::{HeaderMap, HeaderName, StatusCode};
use serde::{
    Deserialize,
    de::{Deserializer, Error as _},
};
use serde_json::Value;

use crate::{
    body::peek,
    json_path::{Path, scalar},
    param::Param,
    toml_fields::one_or_more,
};

/// What an answer looks like: everything that is set must hold.
///
/// In TOML it is a table such as `{ status = 419 }`, `{ grpc = 7 }`,
/// `{ header = "x-error", contains = "expired" }` or `{ body = "code", is = [99991663, 99991661] }`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Condition {
    /// The status is one of these.
    #[serde(deserialize_with = "one_or_more")]
    pub status: Vec<u16>,
    /// The header `grpc-status` is one of these.
    #[serde(deserialize_with = "one_or_more")]
    pub grpc: Vec<u16>,
    /// There is a header of this name; `is`, `contains` and `absent` are about its value.
    pub header: Option<String>,
    /// There is a member at this path of a JSON body; `is`, `contains` and `absent` are about it.
    pub body: Option<String>,
    /// The value, taken as text, is one of these.
    #[serde(deserialize_with = "scalars")]
    pub is: Vec<String>,
    /// The value, taken as text, holds this.
    pub contains: Option<String>,
    /// It is not there, or null.
    pub absent: bool,
}

/// A checked condition.
#[derive(Debug, Clone)]
pub(crate) struct Matcher {
    status: Vec<u16>,
    headers: Vec<(HeaderName, Test)>,
    body: Option<(Path, Test)>,
}

#[derive(Debug, Clone)]
enum Test {
    Absent,
    Present {
        is: Vec<String>,
        contains: Option<String>,
    },
}

/// Why a condition is none.
pub(crate) fn compile(condition: &Condition) -> Result<Matcher, &'static str> {
    let test = if condition.absent {
        Test::Absent
    } else {
        Test::Present {
            is: condition.is.clone(),
            contains: condition.contains.clone(),
        }
    };
    let valued = !condition.is.is_empty() || condition.contains.is_some();
    if condition.absent && valued {
        return Err("holds a condition that wants a value of what is absent");
    }
    let mut headers = Vec::new();
    if !condition.grpc.is_empty() {
        let is = condition.grpc.iter().map(ToString::to_string).collect();
        let name = HeaderName::from_static("grpc-status");
        headers.push((name, Test::Present { is, contains: None }));
    }
    let mut body = None;
    match (&condition.header, &condition.body) {
        (Some(_), Some(_)) => {
            return Err("holds a condition on both a header and the body: use one");
        }
        (Some(name), None) => {
            let name = name
                .parse()
                .map_err(|_| "holds a condition on a header whose name is none")?;
            headers.push((name, test));
        }
        (None, Some(path)) => body = Some((Path::parse(path), test)),
        (None, None) if valued || condition.absent => {
            return Err("holds a condition that names neither header nor body");
        }
        (None, None) => {}
    }
    if condition.status.is_empty() && headers.is_empty() && body.is_none() {
        return Err("holds a condition that every answer meets");
    }
    Ok(Matcher {
        status: condition.status.clone(),
        headers,
        body,
    })
}

impl Matcher {
    /// Where in the body it looks.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.body.as_ref().map(|(path, _)| path)
    }

    pub(crate) fn looks_at_head(&self) -> bool {
        !self.status.is_empty() || !self.headers.is_empty()
    }

    /// `find` gives the member at the top of the body.
    pub(crate) fn holds<'a>(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        find: impl FnOnce(&str) -> Option<&'a Value>,
    ) -> bool {
        self.by_head(status, headers) && self.by_body(find)
    }

    pub(crate) fn by_head(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let of_header = |(name, test): &(HeaderName, Test)| {
            test.passes(headers.get(name).and_then(|value| value.to_str().ok()))
        };
        (self.status.is_empty() || self.status.contains(&status.as_u16()))
            && self.headers.iter().all(of_header)
    }

    pub(crate) fn by_body<'a>(&self, find: impl FnOnce(&str) -> Option<&'a Value>) -> bool {
        let Some((path, test)) = &self.body else {
            return true;
        };
        let found = find(path.top()).and_then(|top| path.below(top));
        match (found, test) {
            (Some(Value::Object(_) | Value::Array(_)), Test::Present { is, contains }) => {
                is.is_empty() && contains.is_none()
            }
            (Some(Value::Object(_) | Value::Array(_)), Test::Absent) => false,
            _ => test.passes(found.and_then(scalar).as_deref()),
        }
    }
}

/// What the engine asks of each answer of the API.
pub(crate) fn rejected(matchers: &[Matcher]) -> Rejected {
    let (body, head): (Vec<_>, Vec<_>) = matchers
        .iter()
        .cloned()
        .partition(|matcher| matcher.path().is_some());
    let mut rejected = Rejected::default();
    if !head.is_empty() {
        rejected = rejected.when(move |status, headers| {
            head.iter().any(|matcher| matcher.by_head(status, headers))
        });
    }
    if !body.is_empty() {
        rejected = rejected.when_body(move |start| {
            body.iter().any(|matcher| {
                let top = matcher.path().and_then(|path| peek(start, path.top()));
                matcher.by_body(|_| top.as_ref())
            })
        });
    }
    rejected
}

impl Test {
    fn passes(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Absent, value) => value.is_none(),
            (Self::Present { .. }, None) => false,
            (Self::Present { is, contains }, Some(value)) => {
                (is.is_empty() || is.iter().any(|one| one == value))
                    && contains.as_deref().is_none_or(|part| value.contains(part))
            }
        }
    }
}

/// One text, number or truth value, or a list of them; each as text.
fn scalars<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let found: Vec<Param> = one_or_more(from)?;
    let text = |param: Param| match param {
        Param::Text(text) => Ok(text),
        Param::Bool(bool) => Ok(bool.to_string()),
        Param::Integer(number) => Ok(number.to_string()),
        Param::List(_) | Param::Table(_) => Err(D::Error::custom("a list in a list")),
    };
    found.into_iter().map(text).collect()
}
