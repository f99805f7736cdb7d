//! Templates, read: which names and functions stand in them, and what is wrong with them.

use std::fmt;

use super::{placeholder::Placeholder, time::Time};

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
    pub(super) fn knows(self, placeholder: Placeholder) -> bool {
        match placeholder {
            Placeholder::ClientId => self != Self::Build,
            Placeholder::Token => self == Self::Use,
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
    BadCall(String),
    NotHere(String),
    SecretHere(String),
    BadHost(String),
    BadSegment(String),
    BadBase(String),
    TooLong,
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
            Self::BadCall(name) => write!(
                f,
                "has a template with {{{name}(…)}}, which can't be read: there are base64(…), base64url(…), and now(offset, format)"
            ),
            Self::NotHere(name) => write!(
                f,
                "has a template with {{{name}}}, which has no value there"
            ),
            Self::SecretHere(name) => write!(
                f,
                "has the secret variable \"{name}\" where it would be shown: its value must be a plain text there"
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
            Self::TooLong => f.write_str("has a template that grows beyond 1 MiB"),
        }
    }
}

/// How a function writes what is in its parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Base64,
    Base64Url,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
    Text(String),
    Name(String),
    Time(Time),
    Encoded(Codec, Vec<Node>),
}

/// The text as a template that stands for itself.
pub(crate) fn literal(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// Whether the name means something of its own in templates.
pub(crate) fn is_placeholder(name: &str) -> bool {
    Placeholder::named(name).is_some() || Time::named(name, None).is_some()
}

/// The variable that is all of a template.
pub(crate) fn variable(template: &str) -> Option<String> {
    match &parse(template).ok()?[..] {
        [Node::Name(name)] if Placeholder::named(name).is_none() => Some(name.clone()),
        _ => None,
    }
}

/// The variables of a template: the names that are not the stage's own.
pub(crate) fn names(template: &str, stage: Stage) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    collect(parse(template)?, stage, &mut names)?;
    Ok(names)
}

fn collect(nodes: Vec<Node>, stage: Stage, names: &mut Vec<String>) -> Result<(), Fault> {
    for node in nodes {
        match node {
            Node::Text(_) => {}
            Node::Time(_) if stage == Stage::Ask => {}
            Node::Time(_) => return Err(Fault::NotHere("now".to_owned())),
            Node::Encoded(_, inner) => collect(inner, stage, names)?,
            Node::Name(name) => match Placeholder::named(&name) {
                None => names.push(name),
                Some(placeholder) if stage.knows(placeholder) => {}
                Some(_) => return Err(Fault::NotHere(name)),
            },
        }
    }
    Ok(())
}

/// Reads a template. Doubled braces stand for themselves.
pub(super) fn parse(template: &str) -> Result<Vec<Node>, Fault> {
    let mut rest = template;
    sequence(&mut rest, false, 0)
}

/// No sensible template calls one function within another this often.
const DEEPEST: u8 = 8;

fn sequence(rest: &mut &str, inside: bool, depth: u8) -> Result<Vec<Node>, Fault> {
    let mut nodes = Vec::new();
    let mut text = String::new();
    loop {
        let stops: &[char] = if inside {
            &['{', '}', ')']
        } else {
            &['{', '}']
        };
        let Some(at) = rest.find(stops) else {
            if inside {
                return Err(Fault::Unclosed);
            }
            text.push_str(rest);
            *rest = "";
            break;
        };
        let (before, tail) = rest.split_at(at);
        text.push_str(before);
        if inside && tail.starts_with(")}") && !tail.starts_with(")}}") {
            *rest = &tail[2..];
            break;
        }
        if let Some(after) = tail.strip_prefix(')') {
            text.push(')');
            *rest = after;
        } else if tail.starts_with("{{") || tail.starts_with("}}") {
            text.push_str(&tail[..1]);
            *rest = &tail[2..];
        } else {
            let inner = tail.strip_prefix('{').ok_or(Fault::Unclosed)?;
            if !text.is_empty() {
                nodes.push(Node::Text(std::mem::take(&mut text)));
            }
            let end = inner.find(['(', '}']).ok_or(Fault::Unclosed)?;
            let name = &inner[..end];
            *rest = &inner[end + 1..];
            nodes.push(if inner[end..].starts_with('(') {
                call(name, rest, depth)?
            } else {
                named(name)?
            });
        }
    }
    if !text.is_empty() {
        nodes.push(Node::Text(text));
    }
    Ok(nodes)
}

fn named(name: &str) -> Result<Node, Fault> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || !name.bytes().all(fits) {
        return Err(Fault::BadName(name.to_owned()));
    }
    Ok(match Time::named(name, None) {
        Some(Ok(time)) => Node::Time(time),
        _ => Node::Name(name.to_owned()),
    })
}

fn call(name: &str, rest: &mut &str, depth: u8) -> Result<Node, Fault> {
    let bad = || Fault::BadCall(name.to_owned());
    let codec = match name {
        "base64" => Codec::Base64,
        "base64url" => Codec::Base64Url,
        _ => {
            let (arguments, after) = rest.split_once(")}").ok_or(Fault::Unclosed)?;
            *rest = after;
            let time = Time::named(name, Some(arguments)).ok_or_else(bad)?;
            return time.map(Node::Time).map_err(|()| bad());
        }
    };
    if depth == DEEPEST {
        return Err(bad());
    }
    Ok(Node::Encoded(codec, sequence(rest, true, depth + 1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faulty_templates_are_named() {
        for (template, expected) in [
            ("{", Fault::Unclosed),
            ("}", Fault::Unclosed),
            ("a}b{v}", Fault::Unclosed),
            ("{v}}", Fault::Unclosed),
            ("{{{v}}", Fault::Unclosed),
            ("{base64({v}", Fault::Unclosed),
            ("{now(+5m}", Fault::Unclosed),
            ("{}", Fault::BadName(String::new())),
            ("{Your Realm}", Fault::BadName("Your Realm".into())),
            ("{rot13({v})}", Fault::BadCall("rot13".into())),
            ("{now(tomorrow)}", Fault::BadCall("now".into())),
            ("{token}", Fault::NotHere("token".into())),
            ("{base64({token})}", Fault::NotHere("token".into())),
        ] {
            assert_eq!(names(template, Stage::Ask), Err(expected), "{template}");
        }
        let found = |template, stage| names(template, stage).unwrap();
        assert_eq!(found("{a}-{b_2}{uuid}", Stage::Ask), ["a", "b_2"]);
        assert_eq!(found("{{{a}}}", Stage::Build), ["a"]);
        assert_eq!(
            found("{base64({a}:(x){base64url({b})})}", Stage::Ask),
            ["a", "b"]
        );
        assert_eq!(
            names("{now}", Stage::Use),
            Err(Fault::NotHere("now".into()))
        );
        let deep = format!("{}{}", "{base64(".repeat(5000), ")}".repeat(5000));
        assert_eq!(
            names(&deep, Stage::Ask),
            Err(Fault::BadCall("base64".into()))
        );
    }

    #[test]
    fn doubled_braces_stand_for_themselves() {
        let nodes = parse("query {{ {v} }}").unwrap();
        let text = |text: &str| Node::Text(text.to_owned());
        let expected = [text("query { "), Node::Name("v".to_owned()), text(" }")];
        assert_eq!(nodes, expected);
        assert_eq!(parse(&literal("{x}")).unwrap(), [text("{x}")]);
    }
}
