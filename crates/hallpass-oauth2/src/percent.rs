//! Percent-encoding as RFC 6749 (§2.3.1 and appendix B) wants it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
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

/// Whether a server that forgets to decode reads another value.
pub(crate) fn changes_when_escaped(value: &str) -> bool {
    utf8_percent_encode(value, ESCAPED).any(|piece| piece.starts_with('%'))
}

/// The value of a form's pair.
pub(crate) fn form_value(encoded: &str) -> Zeroizing<String> {
    let spaced = Zeroizing::new(encoded.replace('+', " "));
    Zeroizing::new(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

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
