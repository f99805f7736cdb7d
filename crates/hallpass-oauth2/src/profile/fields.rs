//! Fields of a [`Profile`](super::Profile) that read otherwise than serde would derive it.

use std::{fmt, marker::PhantomData, time::Duration};

use http::Method;
use serde::{
    Deserialize,
    de::{
        Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::MapAccessDeserializer,
    },
};

use super::Answer;
use crate::{ClientAuth, Encoding, Expiry, Param, Reissue, Unit};

/// A value that is one of a few names.
pub(crate) trait Choice: Clone + 'static {
    const FIELD: &'static str;
    const NAMES: &'static [(&'static str, Self)];
}

macro_rules! choices {
    ($($type:ty: $field:literal = $names:expr;)*) => {$(
        impl Choice for $type {
            const FIELD: &'static str = $field;
            const NAMES: &'static [(&'static str, Self)] = $names;
        }
    )*};
}

choices! {
    ClientAuth: "client_auth" = Self::NAMES;
    Encoding: "encoding" = Self::NAMES;
    Method: "method" = &[("POST", Self::POST), ("GET", Self::GET), ("PUT", Self::PUT)];
    Answer: "answer" = &[("json", Self::Json), ("text", Self::Text)];
    Reissue: "reissue" = Self::NAMES;
    Expiry: "expiry" = Self::NAMES;
    Unit: "unit" = Self::NAMES;
}

struct Chosen<T>(T);

impl<'de, T: Choice> Deserialize<'de> for Chosen<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name<T>(PhantomData<T>);

        impl<T: Choice> Visitor<'_> for Name<T> {
            type Value = Chosen<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Chosen<T>, E> {
                let found = T::NAMES.iter().find(|(name, _)| *name == text);
                found
                    .map(|(_, value)| Chosen(value.clone()))
                    .ok_or_else(|| {
                        let names: Vec<&str> = T::NAMES.iter().map(|(name, _)| *name).collect();
                        E::custom(format_args!(
                            "unknown {} \"{}\"; one of {}",
                            T::FIELD,
                            crate::text::printable(text),
                            names.join(", ")
                        ))
                    })
            }
        }

        deserializer.deserialize_str(Name(PhantomData))
    }
}

pub(crate) fn chosen<'de, D: Deserializer<'de>, T: Choice>(from: D) -> Result<T, D::Error> {
    Chosen::deserialize(from).map(|chosen| chosen.0)
}

/// One of something, or a list.
pub(crate) fn one_or_more<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct OneOrMore<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMore<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("one or a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = seq.next_element()? {
                items.push(item);
            }
            Ok(items)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
            T::deserialize(text.into_deserializer()).map(|one| vec![one])
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<Vec<T>, E> {
            T::deserialize(number.into_deserializer()).map(|one| vec![one])
        }

        fn visit_bool<E: Error>(self, bool: bool) -> Result<Vec<T>, E> {
            T::deserialize(bool.into_deserializer()).map(|one| vec![one])
        }
    }

    from.deserialize_any(OneOrMore(PhantomData))
}

/// One text, number or truth value, or a list of them; each as text.
pub(crate) fn scalars<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let found: Vec<Param> = one_or_more(from)?;
    let text = |param: Param| match param {
        Param::Text(text) => Ok(text),
        Param::Bool(bool) => Ok(bool.to_string()),
        Param::Integer(number) => Ok(number.to_string()),
        Param::List(_) | Param::Table(_) => Err(D::Error::custom("a list in a list")),
    };
    found.into_iter().map(text).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    at: String,
    #[serde(default, deserialize_with = "chosen")]
    unit: Unit,
}

/// A name, or a table with the place of a member.
struct ExpiryEntry(Expiry);

impl<'de> Deserialize<'de> for ExpiryEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;

        impl<'de> Visitor<'de> for Entry {
            type Value = ExpiryEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name or a table")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ExpiryEntry, E> {
                chosen(IntoDeserializer::<E>::into_deserializer(text)).map(ExpiryEntry)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ExpiryEntry, A::Error> {
                let Member { at: path, unit } =
                    Member::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ExpiryEntry(Expiry::Member { path, unit }))
            }
        }

        deserializer.deserialize_any(Entry)
    }
}

pub(super) fn expiry<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Expiry>, D::Error> {
    let entries: Vec<ExpiryEntry> = one_or_more(from)?;
    Ok(entries.into_iter().map(|entry| entry.0).collect())
}

pub(super) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    u64::deserialize(from).map(|seconds| Some(Duration::from_secs(seconds)))
}

/// A table in the order in which it is written.
pub(super) fn pairs<'de, D, T>(from: D) -> Result<Vec<(String, T)>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Table<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Table<T> {
        type Value = Vec<(String, T)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }

    from.deserialize_map(Table(PhantomData))
}
