//! Fields of a TOML file that read otherwise than serde would derive it.

use std::{fmt, marker::PhantomData, time::Duration};

use serde::{
    Deserialize,
    de::{
        Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::MapAccessDeserializer,
    },
};

use crate::text::printable;

/// A value that is one of a few names.
pub(crate) trait Choice: Clone + 'static {
    const FIELD: &'static str;
    const NAMES: &'static [(&'static str, Self)];
}

/// Implements [`Choice`] by the names of a field.
macro_rules! choice {
    ($type:ty, $field:literal, $names:expr) => {
        impl $crate::toml_fields::Choice for $type {
            const FIELD: &'static str = $field;
            const NAMES: &'static [(&'static str, Self)] = $names;
        }
    };
}
pub(crate) use choice;

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
                            printable(text),
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

pub(crate) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    u64::deserialize(from).map(|seconds| Some(Duration::from_secs(seconds)))
}

/// A table in the order in which it is written.
pub(crate) fn pairs<'de, D, T>(from: D) -> Result<Vec<(String, T)>, D::Error>
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
