//! [`Param`]: the value of a parameter, which JSON may nest.

use std::fmt;

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};
use zeroize::Zeroizing;

/// The value of a parameter: a text, or what a JSON body may hold beside texts.
///
/// In TOML it is written as what it is. A table nests, a list in a form repeats the name.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Param<T = String> {
    /// A text; template.
    Text(T),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Several values.
    List(Vec<Self>),
    /// Named values in this order.
    Table(Vec<(String, Self)>),
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Param {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T> Param<T> {
    /// Every text in it.
    pub(crate) fn texts(&self) -> Vec<&T> {
        match self {
            Self::Text(text) => vec![text],
            Self::Bool(_) | Self::Integer(_) => Vec::new(),
            Self::List(items) => items.iter().flat_map(Self::texts).collect(),
            Self::Table(members) => members.iter().flat_map(|(_, item)| item.texts()).collect(),
        }
    }

    /// The same with every text replaced.
    pub(crate) fn map<'a, U, E>(
        &'a self,
        replace: &mut impl FnMut(&'a T) -> Result<U, E>,
    ) -> Result<Param<U>, E> {
        Ok(match self {
            Self::Text(text) => Param::Text(replace(text)?),
            Self::Bool(bool) => Param::Bool(*bool),
            Self::Integer(number) => Param::Integer(*number),
            Self::List(items) => {
                let items = items.iter().map(|item| item.map(replace));
                Param::List(items.collect::<Result<_, _>>()?)
            }
            Self::Table(members) => {
                let members = members
                    .iter()
                    .map(|(name, item)| Ok((name.clone(), item.map(replace)?)));
                Param::Table(members.collect::<Result<_, _>>()?)
            }
        })
    }

    /// Whether a form can hold it.
    pub(crate) fn is_flat(&self) -> bool {
        let single = |item: &Self| !matches!(item, Self::List(_) | Self::Table(_));
        match self {
            Self::List(items) => items.iter().all(single),
            other => single(other),
        }
    }
}

/// Parameters with what one call knows.
pub(crate) type FilledParams = Vec<(String, Param<Zeroizing<String>>)>;

/// Names and values as a form or a query holds them: a list repeats its name.
pub(crate) fn form_pairs(
    params: &[(String, Param<Zeroizing<String>>)],
) -> Vec<(&str, Zeroizing<String>)> {
    fn single(param: &Param<Zeroizing<String>>) -> Option<Zeroizing<String>> {
        match param {
            Param::Text(text) => Some(text.clone()),
            Param::Bool(bool) => Some(Zeroizing::new(bool.to_string())),
            Param::Integer(number) => Some(Zeroizing::new(number.to_string())),
            Param::List(_) | Param::Table(_) => None,
        }
    }
    let mut pairs = Vec::new();
    for (name, param) in params {
        let values = match param {
            Param::List(items) => items.iter().filter_map(single).collect(),
            other => Vec::from_iter(single(other)),
        };
        pairs.extend(values.into_iter().map(|value| (name.as_str(), value)));
    }
    pairs
}

impl<'de> Deserialize<'de> for Param {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Param;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, an integer, a boolean, a list or a table")
            }

            fn visit_str<E>(self, text: &str) -> Result<Param, E> {
                Ok(Param::Text(text.to_owned()))
            }

            fn visit_bool<E>(self, bool: bool) -> Result<Param, E> {
                Ok(Param::Bool(bool))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Param, E> {
                Ok(Param::Integer(number))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Param, E> {
                let number = i64::try_from(number).map_err(E::custom)?;
                Ok(Param::Integer(number))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Param, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Param::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Param, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Param::Table(members))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

impl<T> fmt::Debug for Param<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What it says may be a key.
        f.write_str(match self {
            Self::Text(_) => "Text",
            Self::Bool(_) => "Bool",
            Self::Integer(_) => "Integer",
            Self::List(_) => "List",
            Self::Table(_) => "Table",
        })
    }
}
