//! The members of a token endpoint's answer that anybody here reads, parsed strictly and within
//! bounds.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use zeroize::Zeroize as _;

use crate::dialect::Path;

/// The members that count; others are skipped. At most 1 MiB comes in, which bounds them. What they
/// hold is overwritten at the end, as one of them is the token.
#[derive(Default)]
pub(crate) struct Members {
    pub(crate) access_token: Option<Value>,
    pub(crate) token_type: Option<Value>,
    pub(crate) expires_in: Option<Value>,
    pub(crate) scope: Option<Value>,
    pub(crate) error: Option<Value>,
    pub(crate) error_description: Option<Value>,
    /// Members beside these that a profile asks for.
    others: Vec<(String, Option<Value>)>,
    repeated: Option<String>,
}

/// Why a body holds no members. Says what was found, never a piece of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    Empty,
    Html,
    Xml,
    NoObject,
    Broken { line: usize, column: usize },
    Repeated(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty body"),
            Self::Html => f.write_str("an HTML page"),
            Self::Xml => f.write_str("an XML document"),
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
    pub(crate) fn parse<'a>(
        body: &[u8],
        wanted: impl Iterator<Item = &'a str>,
    ) -> Result<Self, Fault> {
        let mut members = Self::default();
        for name in wanted {
            if members.slot(name).is_none() {
                members.others.push((name.to_owned(), None));
            }
        }
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
        let mut parser = serde_json::Deserializer::from_slice(body);
        let parsed = Object(&mut members).deserialize(&mut parser);
        parsed
            .and_then(|()| parser.end())
            .map_err(|error| Fault::Broken {
                line: error.line(),
                column: error.column(),
            })?;
        match members.repeated.take() {
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

    /// The member of this name at the top, if it counts.
    pub(crate) fn top(&self, name: &str) -> Option<&Value> {
        match name {
            "access_token" => self.access_token.as_ref(),
            "token_type" => self.token_type.as_ref(),
            "expires_in" => self.expires_in.as_ref(),
            "scope" => self.scope.as_ref(),
            "error" => self.error.as_ref(),
            "error_description" => self.error_description.as_ref(),
            _ => {
                let other = self.others.iter().find(|(other, _)| other == name);
                other.and_then(|(_, value)| value.as_ref())
            }
        }
    }

    pub(crate) fn at(&self, path: &Path) -> Option<&Value> {
        self.top(path.top()).and_then(|top| path.below(top))
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<Value>> {
        Some(match name {
            "access_token" => &mut self.access_token,
            "token_type" => &mut self.token_type,
            "expires_in" => &mut self.expires_in,
            "scope" => &mut self.scope,
            "error" => &mut self.error,
            "error_description" => &mut self.error_description,
            _ => {
                let other = self.others.iter_mut().find(|(other, _)| other == name);
                return other.map(|(_, slot)| slot);
            }
        })
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        fn wipe(value: &mut Value) {
            match value {
                Value::String(text) => text.zeroize(),
                Value::Array(items) => items.iter_mut().for_each(wipe),
                Value::Object(members) => members.values_mut().for_each(wipe),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        let others = self.others.iter_mut().map(|(_, value)| value);
        for value in others.chain([&mut self.access_token]).flatten() {
            wipe(value);
        }
    }
}

/// The member of this name at the top of a JSON object of which only the beginning is there.
pub(crate) fn peek(start: &[u8], name: &str) -> Option<Value> {
    let mut found = None;
    let mut parser = serde_json::Deserializer::from_slice(start);
    // It ends in an error by design: at the member, or where the text breaks off.
    let _ = Peek(name, &mut found).deserialize(&mut parser);
    found
}

fn text(value: Option<&Value>) -> Option<&str> {
    value
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

// By hand, because a derived struct would take an array for an object.
struct Object<'a>(&'a mut Members);

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let members = self.0;
        while let Some(name) = map.next_key::<String>()? {
            let Some(slot) = members.slot(&name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if slot.replace(map.next_value()?).is_some() {
                members.repeated.get_or_insert(name);
            }
        }
        Ok(())
    }
}

struct Peek<'a>(&'a str, &'a mut Option<Value>);

impl<'de> DeserializeSeed<'de> for Peek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Peek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name == self.0 {
                *self.1 = Some(map.next_value()?);
                return Err(A::Error::custom("found"));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_enough_to_peek() {
        let long = format!(r#"{{"code":7,"data":"{}"#, "x".repeat(5000));
        for (start, expected) in [
            (long.as_str(), Some(7)),
            (r#"{"msg":"x","code":7}"#, Some(7)),
            (r#"{"msg":"x","code":7,"#, Some(7)),
            (r#"{"msg":"x","co"#, None),
            (r#"{"msg":{"code":7}}"#, None),
            ("[7]", None),
            ("", None),
        ] {
            let found = peek(start.as_bytes(), "code");
            assert_eq!(found, expected.map(Value::from), "{start}");
        }
    }
}
