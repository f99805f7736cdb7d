//! Templates that a profile's values alone fill: URLs, origins, scopes.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    compiled::EXPANSION_LIMIT,
    parse::{Fault, Node, parse},
};
use crate::{percent::escape_into, value::Value};

/// What a template makes, which decides what a value may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A URL: a value can't reach beyond its own host label or path segment, except at the very
    /// start, where it is the base of the URL.
    Url,
    /// A text that is encoded later.
    Text,
}

/// The template with values for its variables.
pub(crate) fn expand(
    template: &str,
    place: Place,
    values: &BTreeMap<String, Value>,
) -> Result<String, Fault> {
    let nodes = parse(template)?;
    let alone = nodes.len() == 1;
    let mut out = String::with_capacity(template.len());
    let mut nodes = nodes.into_iter().peekable();
    while let Some(node) = nodes.next() {
        let name = match node {
            Node::Name(name) => name,
            Node::Text(text) => {
                // `https://host/` + `/path` is what people write.
                if place == Place::Url && text.starts_with('/') {
                    out.truncate(out.trim_end_matches('/').len());
                }
                out.push_str(&text);
                continue;
            }
            Node::Time(_) => return Err(Fault::NotHere("now".to_owned())),
            Node::Encoded(..) => return Err(Fault::NotHere("base64(…)".to_owned())),
        };
        let value = match values.get(&name) {
            Some(Value::Plain(value)) => value,
            Some(Value::Secret(_)) => return Err(Fault::SecretHere(name)),
            None => return Err(Fault::Unset(name)),
        };
        if out.len() + value.len() > EXPANSION_LIMIT {
            return Err(Fault::TooLong);
        }
        match place {
            Place::Text => out.push_str(value),
            Place::Url => {
                let ends = match nodes.peek() {
                    None => true,
                    Some(Node::Text(text)) => text.starts_with(['/', '?']),
                    Some(_) => false,
                };
                put_into_url(&mut out, name, value, alone, ends)?;
            }
        }
    }
    Ok(out)
}

/// `ends` tells that the host name, if this is in one, ends with the value.
fn put_into_url(
    out: &mut String,
    name: String,
    value: &str,
    alone: bool,
    ends: bool,
) -> Result<(), Fault> {
    if out.is_empty() {
        if !alone && value.contains(['?', '#']) {
            return Err(Fault::BadBase(name));
        }
        out.push_str(value);
        return Ok(());
    }
    let after_scheme = out.split_once("://").map_or("", |(_, rest)| rest);
    if after_scheme.contains('/') {
        if matches!(value, "" | "." | "..") {
            return Err(Fault::BadSegment(name));
        }
        escape_into(out, value);
        return Ok(());
    }
    // A server of one's own listens on a port of its own.
    let host = match value.rsplit_once(':') {
        Some((host, port)) if ends && is_port(port) => Cow::Borrowed(host),
        _ => Cow::Borrowed(value),
    };
    let label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if host.is_empty() || !host.bytes().all(label) {
        return Err(Fault::BadHost(name));
    }
    out.push_str(value);
    Ok(())
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(template: &str, value: &str) -> Result<String, Fault> {
        let values = BTreeMap::from([("v".to_owned(), Value::from(value))]);
        expand(template, Place::Url, &values)
    }

    #[test]
    fn a_value_stays_in_its_place() {
        let host = "https://{v}.acme.example/t";
        let whole = "https://{v}/t";
        let path = "https://acme.example/{v}/t";
        let bad_host = || Err(Fault::BadHost("v".into()));
        for (template, value, expected) in [
            (host, "blue", Ok("https://blue.acme.example/t")),
            (host, "a/b", bad_host()),
            (host, "evil.example/", bad_host()),
            (host, "u@evil", bad_host()),
            (host, "evil.example:80", bad_host()),
            (host, "", bad_host()),
            (
                whole,
                "tableau.acme.example:8443",
                Ok("https://tableau.acme.example:8443/t"),
            ),
            (whole, "host:", bad_host()),
            (whole, "host:0", bad_host()),
            (whole, "host:99999", bad_host()),
            (whole, "user:1@evil:2", bad_host()),
            (whole, ":80", bad_host()),
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
            let expected = expected.map(str::to_owned);
            assert_eq!(url(template, value), expected, "{template} {value}");
        }
    }

    #[test]
    fn what_grows_beyond_reason_is_refused() {
        let template = "{v}".repeat(9000);
        let values = BTreeMap::from([("v".to_owned(), Value::from("x".repeat(38_000)))]);
        let expanded = expand(&template, Place::Text, &values);
        assert_eq!(expanded, Err(Fault::TooLong));
    }
}
