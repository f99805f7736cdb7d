//! Texts with `{variables}` in them.

use std::{collections::BTreeMap, fmt};

use crate::{
    dialect::{Late, Piece, Text},
    encoding::escape_into,
};

/// What a template makes, which decides what a value may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A URL: a value can't reach beyond its own host label or path segment, except at the very
    /// start, where it is the base of the URL.
    Url,
    /// A text that is encoded later.
    Text,
}

/// When a text is filled, which decides what a template may name beside variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// With the profile's values: nothing else.
    Build,
    /// For a token request: the client, the time, a UUID.
    Ask,
    /// For the requests that carry the token: the token, the client's id, captured fields.
    Use,
}

impl Stage {
    fn knows(self, late: Late) -> bool {
        match late {
            Late::ClientId => self != Self::Build,
            Late::Token => self == Self::Use,
            _ => self == Self::Ask,
        }
    }
}

/// What is wrong with a template or a value; reads on after `profile "x"`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Unset(String),
    Unclosed,
    BadName(String),
    NotHere(String),
    BadHost(String),
    BadSegment(String),
    BadBase(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset(name) => {
                write!(f, "needs the variable \"{name}\"")
            }
            Self::Unclosed => f.write_str("has a template with a brace that has no partner"),
            Self::BadName(name) => write!(
                f,
                "has a template with the variable \"{name}\": names are lower-case letters, digits and _"
            ),
            Self::NotHere(name) => write!(
                f,
                "has a template with {{{name}}}, which has no value there"
            ),
            Self::BadHost(name) => write!(
                f,
                "has its variable \"{name}\" in a host name: its value may hold letters, digits, - and . only"
            ),
            Self::BadSegment(name) => {
                write!(
                    f,
                    "has its variable \"{name}\" in a path: its value can't be empty, . or .."
                )
            }
            Self::BadBase(name) => {
                write!(
                    f,
                    "has its variable \"{name}\" before a path: its value can't hold ? or #"
                )
            }
        }
    }
}

enum Part<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// The variables of a template: the names that are not the stage's own.
pub(crate) fn names(template: &str, stage: Stage) -> Result<Vec<&str>, Fault> {
    let mut names = Vec::new();
    for part in parts(template)? {
        let Part::Variable(name) = part else { continue };
        match Late::named(name) {
            None => names.push(name),
            Some(late) if stage.knows(late) => {}
            Some(_) => return Err(Fault::NotHere(name.to_owned())),
        }
    }
    Ok(names)
}

/// The template as a text for `stage`. `is_field` tells the names of captured fields.
pub(crate) fn text(
    template: &str,
    stage: Stage,
    values: &BTreeMap<String, String>,
    is_field: impl Fn(&str) -> bool,
) -> Result<Text, Fault> {
    let piece = |part| match part {
        Part::Text(text) => Ok(Piece::Literal(text.to_owned())),
        Part::Variable(name) => match (Late::named(name), values.get(name)) {
            (Some(late), _) if stage.knows(late) => Ok(Piece::Late(late)),
            (Some(_), _) => Err(Fault::NotHere(name.to_owned())),
            (None, Some(value)) => Ok(Piece::Literal(value.clone())),
            (None, None) if stage == Stage::Use && is_field(name) => {
                Ok(Piece::Field(name.to_owned()))
            }
            (None, None) => Err(Fault::Unset(name.to_owned())),
        },
    };
    parts(template)?.into_iter().map(piece).collect()
}

/// The template with values for those of its variables that have one.
pub(crate) fn settle(template: &str, values: &BTreeMap<String, String>) -> Result<String, Fault> {
    let doubled = |text: &str| text.replace('{', "{{").replace('}', "}}");
    let mut out = String::with_capacity(template.len());
    for part in parts(template)? {
        match part {
            Part::Text(text) => out.push_str(&doubled(text)),
            Part::Variable(name) => match values.get(name) {
                Some(value) if Late::named(name).is_none() => out.push_str(&doubled(value)),
                _ => out.extend(["{", name, "}"]),
            },
        }
    }
    Ok(out)
}

/// The template with values for its variables.
pub(crate) fn expand(
    template: &str,
    place: Place,
    values: &BTreeMap<String, String>,
) -> Result<String, Fault> {
    let parts = parts(template)?;
    let alone = parts.len() == 1;
    let mut out = String::with_capacity(template.len());
    for part in parts {
        let name = match part {
            Part::Variable(name) => name,
            Part::Text(text) => {
                // `https://host/` + `/path` is what people write.
                if place == Place::Url && text.starts_with('/') {
                    out.truncate(out.trim_end_matches('/').len());
                }
                out.push_str(text);
                continue;
            }
        };
        let value = values
            .get(name)
            .ok_or_else(|| Fault::Unset(name.to_owned()))?;
        match place {
            Place::Text => out.push_str(value),
            Place::Url => put_into_url(&mut out, name, value, alone)?,
        }
    }
    Ok(out)
}

fn put_into_url(out: &mut String, name: &str, value: &str, alone: bool) -> Result<(), Fault> {
    if out.is_empty() {
        if !alone && value.contains(['?', '#']) {
            return Err(Fault::BadBase(name.to_owned()));
        }
        out.push_str(value);
        return Ok(());
    }
    let after_scheme = out.split_once("://").map_or("", |(_, rest)| rest);
    if after_scheme.contains('/') {
        if matches!(value, "" | "." | "..") {
            return Err(Fault::BadSegment(name.to_owned()));
        }
        escape_into(out, value);
    } else {
        let label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if value.is_empty() || !value.bytes().all(label) {
            return Err(Fault::BadHost(name.to_owned()));
        }
        out.push_str(value);
    }
    Ok(())
}

/// Doubled braces stand for themselves.
fn parts(template: &str) -> Result<Vec<Part<'_>>, Fault> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (text, tail) = rest.split_at(at);
        if tail.starts_with("{{") || tail.starts_with("}}") {
            parts.push(Part::Text(&rest[..=at]));
            rest = &tail[2..];
            continue;
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        let inner = tail.strip_prefix('{').ok_or(Fault::Unclosed)?;
        let (name, after) = inner.split_once('}').ok_or(Fault::Unclosed)?;
        if name.is_empty() || !name.bytes().all(fits) {
            return Err(Fault::BadName(name.to_owned()));
        }
        parts.push(Part::Variable(name));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(template: &str, value: &str) -> Result<String, Fault> {
        let values = BTreeMap::from([("v".to_owned(), value.to_owned())]);
        expand(template, Place::Url, &values)
    }

    #[test]
    fn a_value_stays_in_its_place() {
        let host = "https://{v}.acme.example/t";
        let path = "https://acme.example/{v}/t";
        for (template, value, expected) in [
            (host, "blue", Ok("https://blue.acme.example/t")),
            (host, "a/b", Err(Fault::BadHost("v".into()))),
            (host, "evil.example/", Err(Fault::BadHost("v".into()))),
            (host, "u@evil", Err(Fault::BadHost("v".into()))),
            (host, "", Err(Fault::BadHost("v".into()))),
            (path, "acme", Ok("https://acme.example/acme/t")),
            (path, "a/b?c#d", Ok("https://acme.example/a%2Fb%3Fc%23d/t")),
            (path, "..", Err(Fault::BadSegment("v".into()))),
            ("{v}/t", "https://a.example/", Ok("https://a.example/t")),
            (
                "{v}/t",
                "https://a.example?x",
                Err(Fault::BadBase("v".into())),
            ),
            (
                "{v}",
                "https://a.example/t?x=1",
                Ok("https://a.example/t?x=1"),
            ),
        ] {
            assert_eq!(
                url(template, value),
                expected.map(str::to_owned),
                "{template} {value}"
            );
        }
    }

    #[test]
    fn faulty_templates_are_named() {
        for (template, expected) in [
            ("{", Fault::Unclosed),
            ("}", Fault::Unclosed),
            ("a}b{v}", Fault::Unclosed),
            ("{v}}", Fault::Unclosed),
            ("{{{v}}", Fault::Unclosed),
            ("{}", Fault::BadName(String::new())),
            ("{Your Realm}", Fault::BadName("Your Realm".into())),
            ("{token}", Fault::NotHere("token".into())),
        ] {
            assert_eq!(names(template, Stage::Ask), Err(expected), "{template}");
        }
        assert_eq!(names("{a}-{b_2}{uuid}", Stage::Ask), Ok(vec!["a", "b_2"]));
        assert_eq!(names("{{{a}}}", Stage::Build), Ok(vec!["a"]));
    }

    #[test]
    fn doubled_braces_stand_for_themselves() {
        let values = BTreeMap::from([("v".to_owned(), "{x}".to_owned())]);
        let expanded = expand("query {{ {v} }}", Place::Text, &values);
        assert_eq!(expanded.as_deref(), Ok("query { {x} }"));
        let settled = settle("{{a}} {v} {token}", &values).unwrap();
        assert_eq!(settled, "{{a}} {{x}} {token}");
    }
}
