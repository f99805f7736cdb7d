//! Fields of a [`Profile`](super::Profile) that read otherwise than serde would derive it.

use std::{fmt, marker::PhantomData, time::Duration};

use serde::{
    Deserialize,
    de::{Deserializer, Error, MapAccess, Visitor},
};

use crate::{ClientAuth, Encoding, Expiry};

/// A value that is one of a few names.
trait Choice: Copy + 'static {
    const FIELD: &'static str;
    const NAMES: &'static [(&'static str, Self)];
}

impl Choice for ClientAuth {
    const FIELD: &'static str = "client_auth";
    const NAMES: &'static [(&'static str, Self)] = Self::NAMES;
}

impl Choice for Encoding {
    const FIELD: &'static str = "encoding";
    const NAMES: &'static [(&'static str, Self)] = Self::NAMES;
}

impl Choice for Expiry {
    const FIELD: &'static str = "expiry";
    const NAMES: &'static [(&'static str, Self)] = Self::NAMES;
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
                found.map(|(_, value)| Chosen(*value)).ok_or_else(|| {
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

pub(super) fn client_auth<'de, D: Deserializer<'de>>(from: D) -> Result<ClientAuth, D::Error> {
    Chosen::deserialize(from).map(|chosen| chosen.0)
}

pub(super) fn encoding<'de, D: Deserializer<'de>>(from: D) -> Result<Encoding, D::Error> {
    Chosen::deserialize(from).map(|chosen| chosen.0)
}

pub(super) fn expiry<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Expiry>, D::Error> {
    let chosen = Vec::<Chosen<Expiry>>::deserialize(from)?;
    Ok(chosen.into_iter().map(|chosen| chosen.0).collect())
}

pub(super) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    u64::deserialize(from).map(|seconds| Some(Duration::from_secs(seconds)))
}

/// A table in the order in which it is written.
pub(super) fn pairs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, String)>, D::Error> {
    struct Table;

    impl<'de> Visitor<'de> for Table {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table of strings")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }

    from.deserialize_map(Table)
}
