//! How parameters and Basic credentials are written down (RFC 6749 §2.3.1 and appendix B).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

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
    fn a_form_is_pairs() {
        let pairs = [("grant_type", "client_credentials"), ("scope", "a b")];
        let out = form(pairs.into_iter());
        assert_eq!(&**out, "grant_type=client_credentials&scope=a%20b");
    }
}
