//! The members of a token endpoint's answer that anybody here reads, parsed strictly and within
//! bounds.

use std::fmt;

use serde::{
    Deserialize,
    de::{Deserializer, IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

/// The members that count; others are skipped. At most 1 MiB comes in, which bounds them.
#[derive(Default)]
pub(crate) struct Members {
    pub(crate) access_token: Option<Value>,
    pub(crate) token_type: Option<Value>,
    pub(crate) expires_in: Option<Value>,
    pub(crate) scope: Option<Value>,
    pub(crate) error: Option<Value>,
    pub(crate) error_description: Option<Value>,
    repeated: Option<&'static str>,
}

/// Why a body holds no members. Says what was found, never a piece of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Empty,
    Html,
    Xml,
    NoObject,
    Broken { line: usize, column: usize },
    Repeated(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty body"),
            Self::Html => f.write_str("HTML"),
            Self::Xml => f.write_str("XML"),
            Self::NoObject => f.write_str("something that is not a JSON object"),
            Self::Broken { line, column } => {
                write!(f, "JSON that can't be read (line {line}, column {column})")
            }
            Self::Repeated(name) => write!(f, "two members \"{name}\""),
        }
    }
}

impl Members {
    /// The content type is not asked: servers send JSON under many.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Fault> {
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        let body = body.trim_ascii_start();
        match body {
            [] => return Err(Fault::Empty),
            [b'<', b'?', ..] => return Err(Fault::Xml),
            [b'<', ..] => return Err(Fault::Html),
            [b'{', ..] => {}
            _ => return Err(Fault::NoObject),
        }
        // The parser's own message may quote the body, so only the position is kept.
        let members: Self = serde_json::from_slice(body).map_err(|error| Fault::Broken {
            line: error.line(),
            column: error.column(),
        })?;
        match members.repeated {
            Some(name) => Err(Fault::Repeated(name)),
            None => Ok(members),
        }
    }

    /// The error code, if there is one that says something.
    pub(crate) fn code(&self) -> Option<&str> {
        text(self.error.as_ref())
    }

    pub(crate) fn description(&self) -> Option<&str> {
        text(self.error_description.as_ref())
    }

    fn slot(&mut self, name: &str) -> Option<(&'static str, &mut Option<Value>)> {
        Some(match name {
            "access_token" => ("access_token", &mut self.access_token),
            "token_type" => ("token_type", &mut self.token_type),
            "expires_in" => ("expires_in", &mut self.expires_in),
            "scope" => ("scope", &mut self.scope),
            "error" => ("error", &mut self.error),
            "error_description" => ("error_description", &mut self.error_description),
            _ => return None,
        })
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    value
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

// By hand, because a derived struct would take an array for an object.
impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Members::default();
                while let Some(name) = map.next_key::<String>()? {
                    let Some((name, slot)) = members.slot(&name) else {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    if slot.replace(map.next_value()?).is_some() {
                        members.repeated.get_or_insert(name);
                    }
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Object)
    }
}
