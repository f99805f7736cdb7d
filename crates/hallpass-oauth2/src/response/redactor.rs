//! [`Redactor`]: keeps what a request told a server out of what is told of its answer.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use zeroize::Zeroizing;

use crate::{
    basic::{basic, basic_base64, basic_raw},
    percent::{escape_into, form_value},
    plan::ResolvedInputs,
    text::{TEXT_LIMIT, printable},
};

/// What stands in the place of a secret.
const MASK: &str = "[secret]";

/// Anything shorter stands in ordinary words by chance.
const SHORTEST: usize = 4;

/// The part of a base64 text that one secret decides; shorter ones occur by chance.
const SHORTEST_BASE64: usize = 6;

/// The secrets of one request. Each is found in whatever spelling a server repeats it: as it is, in
/// another case, escaped for JSON, HTML or a URL, or within a base64 text.
pub(crate) struct Redactor {
    /// The longest first, as one may hold another.
    forms: Vec<Zeroizing<String>>,
}

impl Redactor {
    pub(crate) fn of(secrets: &[Zeroizing<String>], inputs: &ResolvedInputs) -> Self {
        let id = inputs.id.as_deref().map_or("", String::as_str);
        let client_secret = inputs.secret.as_deref().map(String::as_str);
        Self::new(secrets, id, client_secret)
    }

    fn new(secrets: &[Zeroizing<String>], id: &str, client_secret: Option<&str>) -> Self {
        let mut forms = Vec::new();
        for secret in secrets {
            // What a server cuts off before it repeats the rest, and what becomes of a secret that
            // stands in a form as it is.
            let read = form_value(secret);
            for form in [secret.as_str(), secret.trim(), read.as_str(), read.trim()] {
                add(&mut forms, form, SHORTEST);
            }
            let mut escaped = Zeroizing::new(String::with_capacity(3 * secret.len()));
            escape_into(&mut escaped, secret);
            for form in [secret.as_str(), escaped.as_str()] {
                add_base64(&mut forms, form);
            }
        }
        if let Some(secret) = client_secret {
            for value in [
                basic(id, secret),
                basic_raw(id, secret),
                basic_base64(id, secret),
            ] {
                let text = String::from_utf8_lossy(&value);
                let text = text.trim_start_matches("Basic ").trim_end_matches('=');
                add(&mut forms, text, SHORTEST);
            }
        }
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Self { forms }
    }

    /// The text without them, fit to print.
    pub(crate) fn clean(&self, text: &str) -> String {
        let mut out = Zeroizing::new(String::with_capacity(4 * TEXT_LIMIT + MASK.len()));
        let mut at = 0;
        let mut written = 0;
        while let Some(char) = text[at..].chars().next() {
            // More of it is not printed.
            if written > TEXT_LIMIT {
                break;
            }
            if let Some(end) = self.found(text, at) {
                out.push_str(MASK);
                written += MASK.len();
                at = end;
            } else {
                out.push(char);
                written += 1;
                at += char.len_utf8();
            }
        }
        printable(&out)
    }

    /// Whether the text holds one.
    pub(crate) fn finds(&self, text: &str) -> bool {
        text.char_indices()
            .any(|(at, _)| self.found(text, at).is_some())
    }

    fn found(&self, text: &str, at: usize) -> Option<usize> {
        self.forms.iter().find_map(|form| spelled(text, at, form))
    }
}

fn add(forms: &mut Vec<Zeroizing<String>>, form: &str, shortest: usize) {
    if form.len() >= shortest && !forms.iter().any(|known| known.as_str() == form) {
        forms.push(Zeroizing::new(form.to_owned()));
    }
}

/// Adds what any base64 text holds in which the secret stands, wherever it stands there: its first
/// byte is the first, second or third of a group of three.
fn add_base64(forms: &mut Vec<Zeroizing<String>>, secret: &str) {
    for before in 0..3 {
        let mut bytes = Zeroizing::new(vec![0; before]);
        bytes.extend_from_slice(secret.as_bytes());
        let from = (before * 8).div_ceil(6);
        let to = bytes.len() * 8 / 6;
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let encoded = Zeroizing::new(engine.encode(bytes.as_slice()));
            if let Some(part) = encoded.get(from..to) {
                add(forms, part, SHORTEST_BASE64);
            }
        }
    }
    let whole = Zeroizing::new(STANDARD.encode(secret));
    add(forms, whole.trim_end_matches('='), SHORTEST);
}

/// Where the secret ends if it begins here, each of its characters in any spelling.
///
/// A character may have several, such as `%` and `%25` for a per cent sign, so all the places are
/// followed where what is matched so far may end. There are never more than a few.
fn spelled(text: &str, at: usize, secret: &str) -> Option<usize> {
    let mut chars = secret.chars();
    let mut ends = Vec::new();
    let mut next = Vec::new();
    // Nothing is allocated where not even the first one is found.
    each_spelling(&text[at..], chars.next()?, |length| ends.push(at + length));
    for char in chars {
        if ends.is_empty() {
            return None;
        }
        next.clear();
        for end in &ends {
            each_spelling(&text[*end..], char, |length| {
                if !next.contains(&(end + length)) {
                    next.push(end + length);
                }
            });
        }
        std::mem::swap(&mut ends, &mut next);
    }
    ends.into_iter().max()
}

/// Tells the length of each spelling of `char` that `text` begins with.
fn each_spelling(text: &str, char: char, mut found: impl FnMut(usize)) {
    let Some(first) = text.chars().next() else {
        return;
    };
    if same(first, char) {
        found(first.len_utf8());
    }
    match first {
        '+' if char == ' ' => found(1),
        '%' => {
            let mut buffer = [0; 4];
            let bytes = char.encode_utf8(&mut buffer).as_bytes();
            let escape = |(at, byte): (usize, &u8)| {
                let escape = text
                    .get(3 * at..3 * at + 3)
                    .and_then(|part| part.strip_prefix('%'));
                let found = escape.and_then(|hex| u8::from_str_radix(hex, 16).ok());
                found.is_some_and(|found| found.eq_ignore_ascii_case(byte))
            };
            if bytes.iter().enumerate().all(escape) {
                found(3 * bytes.len());
            }
        }
        '\\' => {
            let escaped = match char {
                '\n' => 'n',
                '\r' => 'r',
                '\t' => 't',
                '\u{8}' => 'b',
                '\u{c}' => 'f',
                other => other,
            };
            if text[1..].starts_with(escaped) && !escaped.is_ascii_digit() {
                found(1 + escaped.len_utf8());
            }
            let mut buffer = [0; 2];
            let units = char.encode_utf16(&mut buffer);
            let unit = |(at, unit): (usize, &u16)| {
                let escape = text.get(6 * at..6 * at + 6);
                let hex = escape.and_then(|part| part.strip_prefix("\\u"));
                hex.and_then(|hex| u16::from_str_radix(hex, 16).ok()) == Some(*unit)
            };
            if units.iter().enumerate().all(unit) {
                found(6 * units.len());
            }
        }
        '&' => {
            let entity = text
                .find(';')
                .filter(|end| *end < 12)
                .map(|end| (&text[1..end], end));
            if let Some((name, end)) = entity
                && named(name).is_some_and(|found| same(found, char))
            {
                found(end + 1);
            }
        }
        _ => {}
    }
}

fn same(one: char, other: char) -> bool {
    one == other || one.to_lowercase().eq(other.to_lowercase())
}

/// The character of an HTML entity.
fn named(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(secret: &str) -> Redactor {
        Redactor::new(
            &[Zeroizing::new(secret.to_owned())],
            "my-client",
            Some(secret),
        )
    }

    #[test]
    fn every_spelling_is_found() {
        let secret = "a\"b&c%d<\u{e9} \\/\u{1f600}";
        let cleaned = redactor(secret);
        for spelling in [
            secret,
            "A\"B&C%D<\u{e9} \\/\u{1f600}",
            r#"a\"b&c%d<é \\\/😀"#,
            r"a\u0022b\u0026c\u0025d\u003c\u00E9\u0020\u005c\u002F\ud83d\ude00",
            "a&quot;b&amp;c%d&lt;&eacute; \\/\u{1f600}"
                .replace("&eacute;", "&#233;")
                .as_str(),
            "a&#34;b&#x26;c%d&lt;&#xe9; \\/&#128512;",
            "a%22b%26c%25d%3C%C3%A9%20%5C%2F%F0%9F%98%80",
            "a%22b%26c%25d%3c%c3%a9+%5c%2f%f0%9f%98%80",
        ] {
            let text = format!("<{spelling}> is wrong");
            assert_eq!(cleaned.clean(&text), "<[secret]> is wrong", "{spelling}");
            assert!(cleaned.finds(&text));
        }
        assert!(!cleaned.finds("nothing of it"));
    }

    #[test]
    fn base64_is_found_wherever_the_secret_stands_in_it() {
        let cleaned = redactor("s3cret-value");
        for (before, after) in [
            ("", ""),
            ("x", "y"),
            ("id:", ""),
            ("xy", "zzzz"),
            ("my-client:", "!"),
        ] {
            let plain = format!("{before}s3cret-value{after}");
            let text = cleaned.clean(&STANDARD.encode(&plain));
            assert!(text.contains(MASK), "{plain}: {text}");
            // A character at each end may hold bits of its own and of others.
            let left = text.replace(MASK, "").len();
            let others = STANDARD.encode(format!("{before}{after}")).len();
            assert!(left <= others + 2, "{plain}: {text}");
        }
    }

    #[test]
    fn hostile_texts_take_no_time() {
        let cleaned = redactor(&format!("{}x", "\\".repeat(30)));
        assert!(!cleaned.finds(&"\\".repeat(200)));
        let long = cleaned.clean(&"&".repeat(1024 * 1024));
        assert_eq!(long.len(), TEXT_LIMIT);
    }
}
