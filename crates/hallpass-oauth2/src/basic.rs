//! The values of HTTP Basic headers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::percent::escape_into;

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
    fn halves_in_base64_first() {
        let value = basic_base64("V1:userid:group:domain", "12345");
        let expected = "VmpFNmRYTmxjbWxrT21keWIzVndPbVJ2YldGcGJnPT06TVRJek5EVT0=";
        assert_eq!(text(&value), expected);
    }
}
