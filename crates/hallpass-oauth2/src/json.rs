//! JSON bodies, in buffers that never grow, so that no copy of a secret is left behind.

use serde::ser::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::Param;

type Members = [(String, Param<Zeroizing<String>>)];

/// A JSON object with its members in this order.
pub(crate) fn object(members: &Members) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(size(members)));
    // Neither a vector nor these values have a way to fail.
    drop(serde_json::to_writer(&mut *out, &Object(members)));
    out
}

struct Object<'a>(&'a Members);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, param)| (name, param)))
    }
}

impl Serialize for Param<Zeroizing<String>> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => to.serialize_str(text),
            Self::Bool(bool) => to.serialize_bool(*bool),
            Self::Integer(number) => to.serialize_i64(*number),
            Self::List(items) => to.collect_seq(items),
            Self::Table(members) => Object(members).serialize(to),
        }
    }
}

/// At least as many bytes as the object takes: an escape takes six, a number at most twenty.
fn size(members: &Members) -> usize {
    fn of(param: &Param<Zeroizing<String>>) -> usize {
        match param {
            Param::Text(text) => 6 * text.len() + 2,
            Param::Bool(_) | Param::Integer(_) => 20,
            Param::List(items) => 2 + items.iter().map(|item| of(item) + 1).sum::<usize>(),
            Param::Table(members) => size(members),
        }
    }
    let members = members
        .iter()
        .map(|(name, param)| 6 * name.len() + 4 + of(param));
    2 + members.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_the_order_and_reads_back() {
        let text = |text: &str| Param::Text(Zeroizing::new(text.to_owned()));
        let table = vec![
            ("z".to_owned(), text("quote \" slash \\ line\n \u{1} é")),
            (
                "a".to_owned(),
                Param::List(vec![Param::Bool(true), Param::Integer(-7)]),
            ),
            (
                "n".to_owned(),
                Param::Table(vec![("x".to_owned(), Param::Table(Vec::new()))]),
            ),
        ];
        let out = object(&table);
        assert_eq!(
            std::str::from_utf8(&out).unwrap(),
            "{\"z\":\"quote \\\" slash \\\\ line\\n \\u0001 é\",\"a\":[true,-7],\"n\":{\"x\":{}}}"
        );
        let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(read["z"], "quote \" slash \\ line\n \u{1} é");
        assert!(out.len() <= size(&table) && out.capacity() == size(&table));
    }
}
