//! Texts with `{variables}` in them.

use std::{collections::BTreeMap, fmt};

use crate::encoding::escape_into;

/// What a template makes, which decides what a value may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A URL: a value can't reach beyond its own host label or path segment, except at the very
    /// start, where it is the base of the URL.
    Url,
    /// A text that is encoded later.
    Text,
}

/// What is wrong with a template or a value; reads on after `profile "x"`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Unset(String),
    Unclosed,
    BadName(String),
    BadHost(String),
    BadSegment(String),
    BadBase(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset(name) => {
                write!(
                    f,
                    "needs a value for its variable \"{name}\": set it with var"
                )
            }
            Self::Unclosed => f.write_str("has a template with a brace that has no partner"),
            Self::BadName(name) => write!(
                f,
                "has a template with the variable \"{name}\": names are lower-case letters, digits and _"
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

/// The variables of a template.
pub(super) fn names(template: &str) -> Result<Vec<&str>, Fault> {
    let parts = parts(template)?;
    Ok(parts
        .into_iter()
        .filter_map(|part| match part {
            Part::Variable(name) => Some(name),
            Part::Text(_) => None,
        })
        .collect())
}

/// The template with values for its variables.
pub(super) fn expand(
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

fn parts(template: &str) -> Result<Vec<Part<'_>>, Fault> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((text, tail)) = rest.split_once('{') {
        let (name, after) = tail.split_once('}').ok_or(Fault::Unclosed)?;
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if text.contains('}') {
            return Err(Fault::Unclosed);
        }
        if name.is_empty() || !name.bytes().all(fits) {
            return Err(Fault::BadName(name.to_owned()));
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        parts.push(Part::Variable(name));
        rest = after;
    }
    if rest.contains('}') {
        return Err(Fault::Unclosed);
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
            ("{}", Fault::BadName(String::new())),
            ("{{v}}", Fault::BadName("{v".into())),
            ("{Your Realm}", Fault::BadName("Your Realm".into())),
        ] {
            assert_eq!(names(template), Err(expected), "{template}");
        }
        assert_eq!(names("{a}-{b_2}"), Ok(vec!["a", "b_2"]));
    }
}
