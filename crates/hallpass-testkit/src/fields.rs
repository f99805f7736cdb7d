//! JSON objects whose members keep their order, and where the token stands in one.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

/// What a token endpoint or the API answers, member by member in the order they are sent, because
/// one vendor's order is unusual.
#[derive(Default)]
pub(crate) struct Fields {
    members: Vec<(String, Value)>,
    token: TokenAt,
    pub(crate) headers: HeaderMap,
}

/// Where the token stands in an answer.
#[derive(Clone, Default)]
#[cfg_attr(
    not(feature = "oauth2"),
    expect(dead_code, reason = "only profiles have other places")
)]
pub(crate) enum TokenAt {
    /// In the member `access_token`.
    #[default]
    Standard,
    /// At the end of this path.
    Member(Vec<String>),
    /// In this header, behind this text.
    Header(HeaderName, String),
    /// The whole body is the token, which is kept here.
    Body(String),
}

impl Fields {
    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.members.push((name.into(), value.into()));
        self
    }

    pub(crate) fn maybe(self, name: &'static str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        match self.members.iter_mut().find(|(seen, _)| *seen == name) {
            Some((_, old)) => *old = value.into(),
            None => self.members.push((name.to_owned(), value.into())),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.members.retain(|(seen, _)| *seen != name);
    }

    /// Sets what stands at the end of a path, and makes the objects and lists on the way.
    pub(crate) fn put(&mut self, path: &[String], value: impl Into<Value>) {
        let [first, rest @ ..] = path else { return };
        let value = value.into();
        let mut top = self.take(first).unwrap_or(Value::Null);
        *descend(&mut top, rest) = value;
        self.set(first, top);
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let (_, value) = self.members.iter_mut().find(|(seen, _)| seen == name)?;
        Some(std::mem::take(value))
    }

    /// Says where the token stands, and puts it there.
    #[cfg(feature = "oauth2")]
    pub(crate) fn with_token_at(mut self, at: TokenAt, token: &str) -> Self {
        self.token = at;
        self.set_token(token);
        self
    }

    pub(crate) fn set_token(&mut self, token: impl Into<Value>) {
        let token = token.into();
        match self.token.clone() {
            TokenAt::Standard => self.set("access_token", token),
            TokenAt::Member(path) => self.put(&path, token),
            TokenAt::Header(name, before) => {
                let text = format!("{before}{}", token.as_str().unwrap_or_default());
                // What can't stand in a header can't be sent there.
                if let Ok(value) = HeaderValue::try_from(text) {
                    self.headers.insert(name, value);
                }
            }
            TokenAt::Body(_) => {
                self.token = TokenAt::Body(token.as_str().unwrap_or_default().to_owned());
            }
        }
    }

    pub(crate) fn remove_token(&mut self) {
        match &self.token {
            TokenAt::Standard => self.remove("access_token"),
            TokenAt::Member(path) => {
                let top = path.first().cloned().unwrap_or_default();
                self.remove(&top);
            }
            TokenAt::Header(name, _) => {
                let name = name.clone();
                self.headers.remove(name);
            }
            TokenAt::Body(_) => self.set_token(""),
        }
    }

    /// The member at the top that holds the token.
    pub(crate) fn token_member(&self) -> &str {
        match &self.token {
            TokenAt::Member(path) => path.first().map_or("", String::as_str),
            _ => "access_token",
        }
    }

    /// The token, where it is the whole body.
    pub(crate) fn whole_body(&self) -> Option<&str> {
        match &self.token {
            TokenAt::Body(token) => Some(token),
            _ => None,
        }
    }

    pub(crate) fn to_json(&self) -> String {
        let members: Vec<_> = self
            .members
            .iter()
            .map(|(name, value)| format!("{}:{value}", json!(name)))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

/// The place at the end of a path below `value`; what is in the way is replaced.
fn descend<'a>(value: &'a mut Value, path: &[String]) -> &'a mut Value {
    let [step, rest @ ..] = path else {
        return value;
    };
    if let Ok(index) = step.parse::<usize>() {
        if !value.is_array() {
            *value = Value::Array(Vec::new());
        }
        let Value::Array(items) = value else {
            return value;
        };
        // No vendor's token is the hundredth of a list.
        let index = index.min(100);
        if items.len() <= index {
            items.resize(index + 1, Value::Null);
        }
        return descend(&mut items[index], rest);
    }
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(members) = value else {
        return value;
    };
    descend(members.entry(step).or_insert(Value::Null), rest)
}
