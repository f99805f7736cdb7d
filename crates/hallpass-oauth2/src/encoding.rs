//! How parameters and Basic credentials are written down (RFC 6749 §2.3.1 and appendix B).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::dialect::Param;

/// Everything but `A-Za-z0-9-._~*`. Servers that forget to decode still match ids and secrets made
/// of these, and a space as `%20` is read alike by form and by percent decoders, which `+` is not.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'*');

/// Appends `value`, percent-encoded as UTF-8.
pub(crate) fn escape_into(out: &mut String, value: &str) {
    for piece in utf8_percent_encode(value, ESCAPED) {
        out.push_str(piece);
    }
}

/// Whether a server that forgets to decode reads another value.
pub(crate) fn changes_when_escaped(value: &str) -> bool {
    utf8_percent_encode(value, ESCAPED).any(|piece| piece.starts_with('%'))
}

/// `name=value&…`, in a buffer that never grows, so that no copy of a secret is left behind.
pub(crate) fn form<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> Zeroizing<String> {
    let worst = pairs
        .clone()
        .map(|(name, value)| 3 * (name.len() + value.len()) + 2)
        .sum();
    let mut out = Zeroizing::new(String::with_capacity(worst));
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        escape_into(&mut out, name);
        out.push('=');
        escape_into(&mut out, value);
    }
    out
}

/// A JSON object, in a buffer that never grows.
pub(crate) fn json(members: &[(String, Param<Zeroizing<String>>)]) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(json_size(members)));
    json_object(&mut out, members);
    out
}

/// At least as many bytes as the object takes: an escape takes six, a number at most twenty.
fn json_size(members: &[(String, Param<Zeroizing<String>>)]) -> usize {
    fn of(param: &Param<Zeroizing<String>>) -> usize {
        match param {
            Param::Text(text) => 6 * text.len() + 2,
            Param::Bool(_) | Param::Integer(_) => 20,
            Param::List(items) => 2 + items.iter().map(|item| of(item) + 1).sum::<usize>(),
            Param::Table(members) => json_size(members),
        }
    }
    let members = members
        .iter()
        .map(|(name, param)| 6 * name.len() + 4 + of(param));
    2 + members.sum::<usize>()
}

fn json_object(out: &mut String, members: &[(String, Param<Zeroizing<String>>)]) {
    let mut between = '{';
    for (name, param) in members {
        out.push(between);
        between = ',';
        json_text(out, name);
        out.push(':');
        json_value(out, param);
    }
    out.push_str(if members.is_empty() { "{}" } else { "}" });
}

fn json_value(out: &mut String, param: &Param<Zeroizing<String>>) {
    match param {
        Param::Text(text) => json_text(out, text),
        Param::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Param::Integer(number) => out.push_str(&number.to_string()),
        Param::Table(members) => json_object(out, members),
        Param::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                json_value(out, item);
            }
            out.push(']');
        }
    }
}

fn json_text(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0'..='\u{1f}' => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let code = char as usize;
                out.push_str("\\u00");
                out.push(char::from(HEX[code >> 4]));
                out.push(char::from(HEX[code & 0xF]));
            }
            _ => out.push(char),
        }
    }
    out.push('"');
}

/// The value of an `Authorization` header, both halves percent-encoded.
pub(crate) fn basic(id: &str, secret: &str) -> Zeroizing<Vec<u8>> {
    let mut halves = Zeroizing::new(String::with_capacity(3 * (id.len() + secret.len()) + 1));
    escape_into(&mut halves, id);
    halves.push(':');
    escape_into(&mut halves, secret);
    base64_header(&halves)
}

/// The same with both halves as they are.
pub(crate) fn basic_raw(id: &str, secret: &str) -> Zeroizing<Vec<u8>> {
    let mut halves = Zeroizing::new(String::with_capacity(id.len() + secret.len() + 1));
    halves.push_str(id);
    halves.push(':');
    halves.push_str(secret);
    base64_header(&halves)
}

/// Both halves in base64 first, and the whole once more.
pub(crate) fn basic_base64(id: &str, secret: &str) -> Zeroizing<Vec<u8>> {
    let [id, secret] = [id, secret].map(|half| Zeroizing::new(STANDARD.encode(half)));
    basic_raw(&id, &secret)
}

fn base64_header(halves: &str) -> Zeroizing<Vec<u8>> {
    let encoded = Zeroizing::new(STANDARD.encode(halves));
    let mut value = Zeroizing::new(Vec::with_capacity("Basic ".len() + encoded.len()));
    value.extend_from_slice(b"Basic ");
    value.extend_from_slice(encoded.as_bytes());
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &Zeroizing<Vec<u8>>) -> &str {
        std::str::from_utf8(value)
            .unwrap()
            .strip_prefix("Basic ")
            .unwrap()
    }

    #[test]
    fn basic_escapes_each_half() {
        for (id, secret, expected) in [
            (
                "s6BhdRkqt3",
                "7Fjfp0ZBr1KtDRbnfVdmIw",
                "czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3",
            ),
            ("s6BhdRkqt3", "gX1fBat3bV", "czZCaGRSa3F0MzpnWDFmQmF0M2JW"),
            ("a:b", "c%d", "YSUzQWI6YyUyNWQ="),
            ("client:id", "se cret", "Y2xpZW50JTNBaWQ6c2UlMjBjcmV0"),
            ("id", "", "aWQ6"),
        ] {
            assert_eq!(text(&basic(id, secret)), expected, "{id}");
        }
    }

    #[test]
    fn raw_leaves_both_halves_alone() {
        for (id, secret, expected) in [
            ("a:b", "c%d", "YTpiOmMlZA=="),
            ("test", "123£", "dGVzdDoxMjPCow=="),
            ("Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ] {
            assert_eq!(text(&basic_raw(id, secret)), expected, "{id}");
        }
    }

    #[test]
    fn long_halves_are_not_wrapped() {
        let value = basic("id", &"s".repeat(300));
        assert!(!value.contains(&b'\n') && !value.contains(&b'\r'));
    }

    #[test]
    fn escapes_what_rfc_6749_names_and_no_more() {
        let mut out = String::new();
        escape_into(&mut out, " %&+£€");
        assert_eq!(out, "%20%25%26%2B%C2%A3%E2%82%AC");

        let mut out = String::new();
        escape_into(&mut out, "Ab8Q~x.y_z-1*");
        assert_eq!(out, "Ab8Q~x.y_z-1*");
    }

    #[test]
    fn halves_in_base64_first() {
        let value = basic_base64("V1:userid:group:domain", "12345");
        let expected = "VmpFNmRYTmxjbWxrT21keWIzVndPbVJ2YldGcGJnPT06TVRJek5EVT0=";
        assert_eq!(text(&value), expected);
    }

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
        let out = json(&table);
        assert_eq!(
            &**out,
            "{\"z\":\"quote \\\" slash \\\\ line\\u000a \\u0001 é\",\"a\":[true,-7],\"n\":{\"x\":{}}}"
        );
        let read: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(read["z"], "quote \" slash \\ line\n \u{1} é");
        assert!(out.len() <= json_size(&table));
    }

    #[test]
    fn a_form_is_pairs() {
        let pairs = [("grant_type", "client_credentials"), ("scope", "a b")];
        let out = form(pairs.into_iter());
        assert_eq!(&**out, "grant_type=client_credentials&scope=a%20b");
    }
}
