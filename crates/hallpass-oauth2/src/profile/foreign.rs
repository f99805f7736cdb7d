//! What a file calls types that are not the profile's own.

use std::fmt;

use http::Method;
use serde::{
    Deserialize,
    de::{Deserializer, Error, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{
    Algorithm, Expiry, Unit,
    toml_fields::{choice, chosen, one_or_more},
};

choice!(Expiry, "expiry", Self::NAMES);
choice!(Unit, "unit", Self::NAMES);
choice!(Algorithm, "algorithm", Self::NAMES);
choice!(
    Method,
    "method",
    &[("POST", Self::POST), ("GET", Self::GET), ("PUT", Self::PUT)]
);

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

pub(super) fn algorithm<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Algorithm>, D::Error> {
    chosen(from).map(Some)
}
