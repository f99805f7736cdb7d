//! The members of a token endpoint's answer that anybody here reads, parsed strictly and within
//! bounds.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    json_path::{Path, scalar},
    percent::form_value,
};

/// The members that count; others are skipped. At most 1 MiB comes in, which bounds them. What they
/// hold is overwritten at the end, as one of them is the token.
#[derive(Default)]
pub(crate) struct TokenResponse {
    members: Vec<(String, Option<Value>)>,
    repeated: Option<String>,
}

/// What the standards name, and somebody here reads.
const STANDARD: [&str; 8] = [
    "access_token",
    "token_type",
    "expires_in",
    "scope",
    "error",
    "refresh_token",
    "issued_token_type",
    // What the token is bound to (RFC 7800 §3.1), as some servers say beside it.
    "cnf",
];

/// Why a body holds no members. Says what was found, never a piece of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    Empty,
    Html,
    Xml,
    NoObject,
    Broken {
        line: usize,
        column: usize,
    },
    Repeated(String),
    /// In a coding that was not asked for and can't be undone.
    Coded(String),
    /// Too large once it is decoded.
    TooLarge,
    /// JSON where a text is expected that is the token.
    NoToken,
    /// An object without the token.
    NoAccessToken,
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
            Self::Coded(coding) => {
                write!(
                    f,
                    "a body in the coding \"{coding}\", though none was asked for"
                )
            }
            Self::TooLarge => f.write_str("a body of more than 1 MiB once it is decoded"),
            Self::NoAccessToken => f.write_str("no access token"),
            Self::NoToken => f.write_str("JSON instead of a token"),
        }
    }
}

impl TokenResponse {
    /// The content type is not asked: servers send JSON under many, and some send a form.
    pub(crate) fn parse(
        body: &str,
        wanted: impl IntoIterator<Item = String>,
    ) -> Result<Self, Fault> {
        let mut members = Self::default();
        for name in STANDARD.map(str::to_owned).into_iter().chain(wanted) {
            if members.slot(&name).is_none() {
                members.members.push((name, None));
            }
        }
        let body = body.trim_start();
        match body.as_bytes() {
            [] => return Err(Fault::Empty),
            [b'<', b'?', ..] => return Err(Fault::Xml),
            [b'<', ..] => return Err(Fault::Html),
            [b'{', ..] => {}
            _ if members.read_form(body) => return Ok(members),
            _ => return Err(Fault::NoObject),
        }
        // The parser's own message may quote the body, so only the position is kept.
        let mut parser = serde_json::Deserializer::from_str(body);
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

    /// Takes a form for what it says, if it is one: some servers answer as they are asked.
    fn read_form(&mut self, body: &str) -> bool {
        let pairs = || {
            body.trim_end()
                .split('&')
                .filter_map(|pair| pair.split_once('='))
        };
        if !pairs().any(|(name, _)| matches!(name, "access_token" | "error")) {
            return false;
        }
        for (name, value) in pairs() {
            if let Some(slot) = self.slot(name) {
                *slot = Some(Value::String(form_value(value).as_str().to_owned()));
            }
        }
        true
    }

    /// What the first of these paths that leads to something says, as text.
    pub(crate) fn said_at(&self, paths: &[Path]) -> Option<Cow<'_, str>> {
        let said = |path| scalar(self.at(path)?).filter(|text| !text.is_empty());
        paths.iter().find_map(said)
    }

    /// The next refresh token, if it brings one.
    pub(crate) fn successor(&self) -> Option<Zeroizing<String>> {
        let token = self.top("refresh_token")?.as_str()?;
        (!token.is_empty()).then(|| Zeroizing::new(token.to_owned()))
    }

    /// The member of this name at the top, if it counts and is there.
    pub(crate) fn top(&self, name: &str) -> Option<&Value> {
        let found = self.members.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| value.as_ref())
    }

    pub(crate) fn at(&self, path: &Path) -> Option<&Value> {
        self.top(path.top()).and_then(|top| path.below(top))
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<Value>> {
        let found = self.members.iter_mut().find(|(known, _)| known == name);
        found.map(|(_, slot)| slot)
    }
}

impl Drop for TokenResponse {
    fn drop(&mut self) {
        fn wipe(value: &mut Value) {
            match value {
                Value::String(text) => text.zeroize(),
                Value::Array(items) => items.iter_mut().for_each(wipe),
                Value::Object(members) => members.values_mut().for_each(wipe),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        let values = self
            .members
            .iter_mut()
            .filter_map(|(_, value)| value.as_mut());
        values.for_each(wipe);
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

// By hand, because a derived struct would take an array for an object.
struct Object<'a>(&'a mut TokenResponse);

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
