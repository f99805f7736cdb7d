//! [`Template`]: a text with places that are filled at each call.

use std::{borrow::Cow, collections::BTreeMap, time::SystemTime};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use zeroize::Zeroizing;

use super::{
    parse::{Codec, Fault, Node, Stage, parse},
    placeholder::Placeholder,
    time::{LONGEST, Time},
};
use crate::value::{Value, sounds_secret};

/// What a template may grow to: no request is larger, and a short one that repeats a long value must
/// not take all memory.
pub(crate) const EXPANSION_LIMIT: usize = 1024 * 1024;

#[derive(Clone)]
enum Segment {
    Literal(String),
    /// A plain variable whose name says that its value is secret.
    Hidden(String),
    Placeholder(Placeholder),
    Time(Time),
    /// A secret variable, read at each fetch.
    Secret(String),
    /// A captured field of the answer.
    Field(String),
    Encoded(Codec, Vec<Segment>),
}

/// Segments that make a text once a call is known. No `Debug`: a literal may be an API key.
#[derive(Clone)]
pub(crate) struct Template(Vec<Segment>);

/// What one call fills the places with.
pub(crate) struct TemplateContext<'a> {
    pub(crate) id: &'a str,
    pub(crate) secret: &'a str,
    pub(crate) token: &'a str,
    pub(crate) variables: &'a [(String, Zeroizing<String>)],
    pub(crate) fields: Cow<'a, BTreeMap<String, String>>,
    /// None for a text that has to be the same each time: then it is the epoch, and UUIDs are all
    /// the same.
    pub(crate) now: Option<SystemTime>,
}

/// Why a template can't be filled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfilled {
    /// A captured field, or a variable, that is not there.
    Missing(String),
    TooLong,
}

impl From<String> for Template {
    fn from(literal: String) -> Self {
        Self(vec![Segment::Literal(literal)])
    }
}

impl Template {
    /// Reads a template for `stage`. `is_field` tells the names of captured fields.
    pub(crate) fn compile(
        template: &str,
        stage: Stage,
        values: &BTreeMap<String, Value>,
        is_field: &dyn Fn(&str) -> bool,
    ) -> Result<Self, Fault> {
        let mut length = 0;
        let compiler = Compiler {
            stage,
            values,
            is_field,
        };
        compiler.segments(parse(template)?, &mut length).map(Self)
    }

    fn any(&self, test: &dyn Fn(&Segment) -> bool) -> bool {
        any(&self.0, test)
    }

    /// Whether it shows the client's secret.
    pub(crate) fn shows_client_secret(&self) -> bool {
        self.any(&|segment| matches!(segment, Segment::Placeholder(place) if place.is_secret()))
    }

    /// Whether it shows the client's id.
    pub(crate) fn shows_client_id(&self) -> bool {
        let shows =
            |place: &Placeholder| matches!(place, Placeholder::ClientId | Placeholder::Basic);
        self.any(&|segment| matches!(segment, Segment::Placeholder(place) if shows(place)))
    }

    /// Whether it shows anything secret.
    pub(crate) fn shows_secret(&self) -> bool {
        let secret = |segment: &Segment| match segment {
            Segment::Placeholder(place) => place.is_secret(),
            Segment::Hidden(_) | Segment::Secret(_) => true,
            _ => false,
        };
        self.any(&secret)
    }

    pub(crate) fn has_token(&self) -> bool {
        self.any(&|segment| matches!(segment, Segment::Placeholder(Placeholder::Token)))
    }

    /// Whether it is nothing, whatever the call.
    pub(crate) fn is_empty(&self) -> bool {
        !self.any(&|segment| match segment {
            Segment::Literal(text) | Segment::Hidden(text) => !text.is_empty(),
            _ => true,
        })
    }

    /// Every piece of it that is fixed.
    pub(crate) fn literals(&self) -> Vec<&str> {
        let literal = |segment| match segment {
            &Segment::Literal(ref text) | &Segment::Hidden(ref text) => Some(text.as_str()),
            _ => None,
        };
        self.0.iter().filter_map(literal).collect()
    }

    /// Adds the values of hidden variables, and the names of the secret ones.
    pub(crate) fn secrets(&self, hidden: &mut Vec<String>, names: &mut Vec<String>) {
        fn walk(segments: &[Segment], hidden: &mut Vec<String>, names: &mut Vec<String>) {
            for segment in segments {
                match segment {
                    Segment::Hidden(value) => hidden.push(value.clone()),
                    Segment::Secret(name) if !names.contains(name) => names.push(name.clone()),
                    Segment::Encoded(_, inner) => walk(inner, hidden, names),
                    _ => {}
                }
            }
        }
        walk(&self.0, hidden, names);
    }

    /// The text for one call.
    pub(crate) fn fill(
        &self,
        context: &TemplateContext<'_>,
    ) -> Result<Zeroizing<String>, Unfilled> {
        fill(&self.0, context)
    }
}

struct Compiler<'a> {
    stage: Stage,
    values: &'a BTreeMap<String, Value>,
    is_field: &'a dyn Fn(&str) -> bool,
}

impl Compiler<'_> {
    fn segments(&self, nodes: Vec<Node>, length: &mut usize) -> Result<Vec<Segment>, Fault> {
        let segment = |node| self.segment(node, length);
        nodes.into_iter().map(segment).collect()
    }

    fn segment(&self, node: Node, length: &mut usize) -> Result<Segment, Fault> {
        let name = match node {
            Node::Text(text) => return Ok(Segment::Literal(text)),
            Node::Time(time) if self.stage == Stage::Ask => return Ok(Segment::Time(time)),
            Node::Time(_) => return Err(Fault::NotHere("now".to_owned())),
            Node::Encoded(codec, inner) => {
                return Ok(Segment::Encoded(codec, self.segments(inner, length)?));
            }
            Node::Name(name) => name,
        };
        if let Some(placeholder) = Placeholder::named(&name) {
            return if self.stage.knows(placeholder) {
                Ok(Segment::Placeholder(placeholder))
            } else {
                Err(Fault::NotHere(name))
            };
        }
        match self.values.get(&name) {
            Some(Value::Plain(value)) => {
                *length += value.len();
                if *length > EXPANSION_LIMIT {
                    return Err(Fault::TooLong);
                }
                Ok(if sounds_secret(&name) {
                    Segment::Hidden(value.clone())
                } else {
                    Segment::Literal(value.clone())
                })
            }
            Some(Value::Secret(_)) => Ok(Segment::Secret(name)),
            None if self.stage == Stage::Use && (self.is_field)(&name) => Ok(Segment::Field(name)),
            None => Err(Fault::Unset(name)),
        }
    }
}

fn any(segments: &[Segment], test: &dyn Fn(&Segment) -> bool) -> bool {
    segments.iter().any(|segment| match segment {
        Segment::Encoded(_, inner) => any(inner, test),
        other => test(other),
    })
}

fn fill(
    segments: &[Segment],
    context: &TemplateContext<'_>,
) -> Result<Zeroizing<String>, Unfilled> {
    let mut parts = Vec::with_capacity(segments.len());
    let mut length = 0;
    for segment in segments {
        let part = part(segment, context)?;
        length += part.as_str().len();
        if length > EXPANSION_LIMIT {
            return Err(Unfilled::TooLong);
        }
        parts.push(part);
    }
    // Room for all of it at once: a text that grows leaves copies behind.
    let mut out = Zeroizing::new(String::with_capacity(length));
    for part in parts {
        out.push_str(part.as_str());
    }
    Ok(out)
}

enum Part<'a> {
    Borrowed(&'a str),
    Made(Zeroizing<String>),
}

impl Part<'_> {
    fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Made(text) => text,
        }
    }
}

fn part<'a>(segment: &'a Segment, context: &'a TemplateContext<'_>) -> Result<Part<'a>, Unfilled> {
    let missing = |name: &String| Unfilled::Missing(name.clone());
    Ok(match segment {
        Segment::Literal(text) | Segment::Hidden(text) => Part::Borrowed(text),
        Segment::Placeholder(Placeholder::ClientId) => Part::Borrowed(context.id),
        Segment::Placeholder(Placeholder::ClientSecret) => Part::Borrowed(context.secret),
        Segment::Placeholder(Placeholder::Token) => Part::Borrowed(context.token),
        Segment::Placeholder(Placeholder::Uuid) => {
            made(uuid(context.now.map_or(0, |_| fastrand::u128(..))))
        }
        Segment::Placeholder(Placeholder::Basic) => {
            let halves = Zeroizing::new([context.id, ":", context.secret].concat());
            made(STANDARD.encode(halves.as_bytes()))
        }
        Segment::Time(time) => {
            let written = time.written(context.now.unwrap_or(SystemTime::UNIX_EPOCH));
            debug_assert!(written.len() <= LONGEST);
            made(written)
        }
        Segment::Field(name) => {
            Part::Borrowed(context.fields.get(name).ok_or_else(|| missing(name))?)
        }
        Segment::Secret(name) => {
            let found = context.variables.iter().find(|(other, _)| other == name);
            Part::Borrowed(
                found
                    .map(|(_, value)| value.as_str())
                    .ok_or_else(|| missing(name))?,
            )
        }
        Segment::Encoded(codec, inner) => {
            let inner = fill(inner, context)?;
            made(match codec {
                Codec::Base64 => STANDARD.encode(inner.as_bytes()),
                Codec::Base64Url => URL_SAFE_NO_PAD.encode(inner.as_bytes()),
            })
        }
    })
}

fn made(text: String) -> Part<'static> {
    Part::Made(Zeroizing::new(text))
}

/// A random UUID (RFC 9562 §5.4). It correlates; nothing may depend on nobody guessing it.
fn uuid(random: u128) -> String {
    let marked = random & !(0xF << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{marked:032x}");
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_its_version_and_variant() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    fn context() -> TemplateContext<'static> {
        TemplateContext {
            id: "Aladdin",
            secret: "open sesame",
            token: "t",
            variables: &[],
            fields: Cow::default(),
            now: Some(SystemTime::UNIX_EPOCH),
        }
    }

    #[test]
    fn places_are_filled_for_one_call() {
        let values = BTreeMap::new();
        let ask = |text| Template::compile(text, Stage::Ask, &values, &|_| false).unwrap();
        let mut context = context();
        for (text, expected) in [
            (
                "<{basic}{client_id}",
                "<QWxhZGRpbjpvcGVuIHNlc2FtZQ==Aladdin",
            ),
            (
                "{base64({client_id};{client_secret})}",
                "QWxhZGRpbjtvcGVuIHNlc2FtZQ==",
            ),
            ("{base64({base64(a)}:{base64(b)})}", "WVE9PTpZZz09"),
            ("{base64url(??>)}", "Pz8-"),
            ("{now(+1m)}", "1970-01-01T00:01:00Z"),
        ] {
            assert_eq!(
                ask(text).fill(&context).unwrap().as_str(),
                expected,
                "{text}"
            );
        }
        let template = Template::compile("{token}{api}", Stage::Use, &values, &|_| true).unwrap();
        context.now = None;
        for text in ["{uuid}", "{now}", "{base64({uuid})}{now(-1d)}"] {
            let filled = || ask(text).fill(&context).unwrap();
            assert_eq!(filled(), filled(), "{text}");
        }
        let missing = Err(Unfilled::Missing("api".to_owned()));
        assert_eq!(template.fill(&context).map(|_| ()), missing);
        context.fields = Cow::Owned(BTreeMap::from([("api".into(), "a".into())]));
        assert_eq!(template.fill(&context).unwrap().as_str(), "ta");
    }

    #[test]
    fn a_short_template_can_t_take_all_memory() {
        let template = "{v}".repeat(9000);
        let long = "x".repeat(38_000);
        let plain = BTreeMap::from([("v".to_owned(), Value::from(long.as_str()))]);
        let compiled = Template::compile(&template, Stage::Ask, &plain, &|_| false);
        assert_eq!(compiled.err(), Some(Fault::TooLong));

        let secret = BTreeMap::from([("v".to_owned(), Value::Secret("x".into()))]);
        let compiled = Template::compile(&template, Stage::Ask, &secret, &|_| false).unwrap();
        let variables = [("v".to_owned(), Zeroizing::new(long))];
        let context = TemplateContext {
            variables: &variables,
            ..context()
        };
        assert_eq!(compiled.fill(&context).err(), Some(Unfilled::TooLong));
    }
}
